-- Writes type-changes.json with PostgreSQL itself: what a column prints, and what it prints after ALTER TABLE … TYPE.
--
--     psql -XqAt -f generate/postgres/type-changes.sql -o type-changes.json
--
-- Versions 14 to 18 write the same bytes. Everything stays in pg_temp.
SET search_path = pg_catalog, pg_temp;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 1;
SET client_encoding = 'UTF8';
SET client_min_messages = warning;

CREATE TYPE pg_temp.state AS ENUM ('approved', 'rejected', 'open');
CREATE TYPE pg_temp.later AS ENUM ('open', 'rejected', 'approved', 'new');

CREATE FUNCTION pg_temp.described(type text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN CASE type
    WHEN 'pg_temp.state' THEN $d$"public"."state"{'approved','rejected','open'}$d$
    WHEN 'pg_temp.later' THEN $d$"public"."later"{'open','rejected','approved','new'}$d$
    ELSE (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a
           WHERE a.attrelid = 'pg_temp.changed'::regclass AND a.attname = 'c') END;
END
$$;

CREATE FUNCTION pg_temp.cases(name text, before text, now text, zone text, using_ text, vals text[]) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  type_before text;
BEGIN
  EXECUTE format('CREATE TABLE pg_temp.changed (n int, c %s, old text)', before);
  EXECUTE format('INSERT INTO pg_temp.changed SELECT v.n, v.t::%s FROM unnest($1) WITH ORDINALITY AS v(t, n)', before) USING vals;
  UPDATE pg_temp.changed SET old = concat(c);
  type_before := pg_temp.described(before);
  PERFORM set_config('TimeZone', coalesce(zone, 'UTC'), false);
  EXECUTE format('ALTER TABLE pg_temp.changed ALTER c TYPE %s %s', now, 'USING ' || using_);
  PERFORM set_config('TimeZone', 'UTC', false);
  RETURN QUERY EXECUTE
    'SELECT concat(''{"name":'', to_json(concat($1, '' '', n)), '',"before":'', to_json($2), '',"now":'', to_json($3),
                   '',"zone":'' || to_json($4), '',"live":'', to_json(concat(c)), '',"recorded":'', to_json(old), ''}'')
       FROM pg_temp.changed ORDER BY n' USING name, type_before, pg_temp.described(now), zone;
  DROP TABLE pg_temp.changed;
END
$$;

SELECT concat(E'{"about":"what a column printed before ALTER TABLE … TYPE (recorded), and afterwards (live); zone: the session''s TimeZone","cases":[\n',
              string_agg(line, E',\n' ORDER BY c.number, l.number), E'\n]}')
  FROM (VALUES
    (1, 'smallint-integer', 'smallint', 'integer', NULL, NULL, ARRAY['0', '-32768', '32767']),
    (2, 'integer-bigint', 'integer', 'bigint', NULL, NULL, ARRAY['7', '-2147483648', '2147483647']),
    (3, 'integer-numeric', 'integer', 'numeric', NULL, NULL, ARRAY['0', '-2147483648']),
    (4, 'bigint-numeric-scale', 'bigint', 'numeric(22,3)', NULL, NULL, ARRAY['0', '-5', '9223372036854775807']),
    (5, 'numeric-scale', 'numeric(10,2)', 'numeric(14,4)', NULL, NULL, ARRAY['0', '1.5', '-0.01', '99999999.99', 'NaN']),
    (6, 'numeric-free', 'numeric(10,2)', 'numeric', NULL, NULL, ARRAY['0', '1.5', 'NaN']),
    (7, 'numeric-whole', 'numeric(5,0)', 'numeric(9,2)', NULL, NULL, ARRAY['0', '-99999']),
    (8, 'real-double', 'real', 'double precision', NULL, NULL, ARRAY['0', '-0', '0.1', '1e10', '16777216', '999999', '1000000', '1e-45', '3.4028235e38', '0.0001', '0.00001', '8388608', '2950637.25', '-Infinity', 'NaN']),
    (9, 'character-longer', 'character(5)', 'character(9)', NULL, NULL, ARRAY['', 'abc', 'Zoë', '😀😀', 'abcde']),
    (10, 'character-text', 'character(5)', 'text', NULL, NULL, ARRAY['', 'abc', ' Zoë', '😀😀', 'abcde', E'a\u00a0']),
    (11, 'character-varying', 'character(9)', 'character varying(5)', NULL, NULL, ARRAY['', 'abc']),
    (12, 'varying-longer', 'character varying(5)', 'character varying(9)', NULL, NULL, ARRAY['', 'abc  ', '😀😀😀😀😀']),
    (13, 'varying-text', 'character varying(5)', 'text', NULL, NULL, ARRAY['', 'abc  ', '😀😀😀😀😀']),
    (14, 'text-varying', 'text', 'character varying', NULL, NULL, ARRAY['', 'NULL', 'line' || chr(10)]),
    (15, 'boolean-text', 'boolean', 'text', NULL, NULL, ARRAY['t', 'f']),
    (16, 'uuid-text', 'uuid', 'text', NULL, NULL, ARRAY['6ba7b810-9dad-11d1-80b4-00c04fd430c8']),
    (17, 'integer-text', 'integer', 'text', NULL, NULL, ARRAY['0', '-17']),
    (18, 'name-text', 'name', 'text', NULL, NULL, ARRAY['Zoë', 'a ']),
    (19, 'enum-text', 'pg_temp.state', 'text', NULL, NULL, ARRAY['approved', 'open']),
    (20, 'text-enum', 'text', 'pg_temp.state', NULL, 'c::pg_temp.state', ARRAY['approved', 'open']),
    (21, 'enum-enum', 'pg_temp.state', 'pg_temp.later', NULL, 'c::text::pg_temp.later', ARRAY['approved', 'open']),
    (22, 'json-text', 'json', 'text', NULL, NULL, ARRAY['{"b": 1,  "a":null} ', '1e3']),
    (23, 'text-json', 'text', 'json', NULL, 'c::json', ARRAY['{"b": 1,  "a":null} ']),
    (24, 'bit-varying', 'bit(5)', 'bit varying', NULL, NULL, ARRAY['00000', '10101']),
    (25, 'bit-varying-longer', 'bit varying(5)', 'bit varying(9)', NULL, NULL, ARRAY['', '10101']),
    (26, 'cidr-inet', 'cidr', 'inet', NULL, NULL, ARRAY['10.1.0.0/16', '10.1.2.3/32', '::1/128', '2001:db8::/32', '::ffff:1.2.3.4/128', '0.0.0.0/0']),
    (27, 'date-timestamp', 'date', 'timestamp', NULL, NULL, ARRAY['2026-04-28', '0044-03-15 BC', '10000-01-01', 'infinity']),
    (28, 'timestamp-digits', 'timestamp(3)', 'timestamp', NULL, NULL, ARRAY['2026-04-28 12:00:00', '2026-04-28 12:00:00.12', '4714-11-24 00:00:00 BC', '294276-12-31 23:59:59.999']),
    (29, 'time-digits', 'time(1)', 'time(3)', NULL, NULL, ARRAY['24:00:00', '12:00:00.5']),
    (30, 'utc', 'timestamp', 'timestamptz', 'UTC', NULL, ARRAY['2026-04-28 12:00:00.5', '0044-03-15 12:00:00 BC', '99999-12-31 23:59:59.999999', '-infinity']),
    (31, 'utc-back', 'timestamptz', 'timestamp', 'UTC', NULL, ARRAY['2026-04-28 12:00:00.5', '0001-12-31 23:59:59.999999 BC', 'infinity']),
    (32, 'fixed', 'timestamp', 'timestamptz', '<-02:30>+02:30', NULL, ARRAY['0001-12-31 23:00:00 BC', '10000-01-01 00:00:00']),
    (33, 'berlin', 'timestamp', 'timestamptz', 'Europe/Berlin', NULL, ARRAY['1970-01-05 00:00:00', '2021-03-28 01:59:59.999999', '2021-07-01 12:00:00', '2021-10-31 01:59:59', '2021-10-31 02:00:00', '2021-10-31 02:30:00', '2021-10-31 03:00:00']),
    (34, 'berlin-skipped', 'timestamp', 'timestamptz', 'Europe/Berlin', NULL, ARRAY['2021-03-28 02:30:00', '2021-03-28 03:30:00']),
    (35, 'berlin-back', 'timestamptz', 'timestamp', 'Europe/Berlin', NULL, ARRAY['2021-03-28 00:59:59', '2021-03-28 01:00:00', '2021-07-01 12:00:00']),
    (36, 'berlin-twice', 'timestamptz', 'timestamp', 'Europe/Berlin', NULL, ARRAY['2021-10-31 00:30:00', '2021-10-31 01:30:00']),
    (37, 'monrovia', 'timestamp', 'timestamptz', 'Africa/Monrovia', NULL, ARRAY['1971-06-01 12:00:00']),
    (38, 'apia', 'timestamp', 'timestamptz', 'Pacific/Apia', NULL, ARRAY['2011-12-30 12:00:00', '2011-12-31 12:00:00']),
    (39, 'date-berlin', 'date', 'timestamptz', 'Europe/Berlin', NULL, ARRAY['2021-03-28', '2021-10-31']),
    (40, 'date-sao-paulo', 'date', 'timestamptz', 'America/Sao_Paulo', NULL, ARRAY['2018-11-03', '2018-11-04']),
    (41, 'array-integer', 'integer[]', 'bigint[]', NULL, NULL, ARRAY['{}', '{1,NULL}', '[0:1]={1,2}', '{{1,2},{3,4}}']),
    (42, 'array-character', 'character(4)[]', 'text[]', NULL, NULL, ARRAY['{a,NULL,"","b c","\"","\\"}']),
    (43, 'array-varying', 'character varying(9)[]', 'text[]', NULL, NULL, ARRAY['{"null","a,b"," ",x}']))
    AS c(number, name, before, now, zone, using_, vals)
  CROSS JOIN LATERAL pg_temp.cases(c.name, c.before, c.now, c.zone, c.using_, c.vals) WITH ORDINALITY AS l(line, number);
