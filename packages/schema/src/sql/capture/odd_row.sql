-- Key and payload of a row of which the capture function cannot make them as it was generated: columns have been renamed
-- or dropped, or their types changed behind a session's plan. Columns are found by their numbers, so that a renamed one
-- is recorded as before and nothing is lost until the change is recorded. This is slow.
--
-- The row comes as the text of a record, and is taken apart here. If the record itself were handed over, and turned
-- into json or cast to the row's type, casts to json and CHECKs of domains would run as our owner. The table's owner
-- can define these.
CREATE OR REPLACE FUNCTION public.audit_chain_odd_row(kind text, relation oid, row_text text, OUT pk text, OUT payload text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config    public.audit_chain_config;
  live      public.audit_chain_relation;
  fields    text[];
  positions jsonb;
  keys      text[];
  value     text;
BEGIN
  SELECT c.* INTO config FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_odd_row.kind ORDER BY c.id DESC LIMIT 1;
  SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.kind = audit_chain_odd_row.kind;
  -- (1,,"a ""b"" \\ c"): fields between commas, NULL where there is nothing, quotes and backslashes doubled.
  SELECT array_agg(CASE WHEN f.m[1] = '' THEN NULL
                        WHEN starts_with(f.m[1], '"') THEN replace(replace(substr(f.m[1], 2, char_length(f.m[1]) - 2), '""', '"'), E'\\\\', E'\\')
                        ELSE f.m[1] END ORDER BY f.n) INTO fields
    FROM regexp_matches(concat(substr(row_text, 2, char_length(row_text) - 2), ','), '("(?:[^"]|"")*"|[^",]*),', 'g') WITH ORDINALITY AS f(m, n);
  -- Partitions have numbers of their own: the names lead from the root's numbers to the relation's positions.
  SELECT jsonb_object_agg(n.key, (SELECT count(*) FROM pg_attribute AS b
            WHERE b.attrelid = relation AND b.attnum BETWEEN 1 AND own.attnum AND NOT b.attisdropped)) INTO positions
    FROM jsonb_each_text(public.audit_chain_numbers(live)) AS n
    JOIN pg_attribute AS a ON a.attrelid = live.relid AND a.attnum = n.value::smallint AND NOT a.attisdropped
    JOIN pg_attribute AS own ON own.attrelid = relation AND own.attname = a.attname;
  SELECT array_agg(fields[(positions ->> k.name)::integer] ORDER BY k.n) INTO keys
    FROM unnest(config.key_columns) WITH ORDINALITY AS k(name, n);
  IF array_position(keys, NULL) IS NULL THEN
    pk := CASE WHEN cardinality(keys) = 1 THEN keys[1]
               ELSE (SELECT concat('[', string_agg(to_json(t.value)::text, ',' ORDER BY t.n), ']') FROM unnest(keys) WITH ORDINALITY AS t(value, n)) END;
  END IF;
  payload := '';
  FOR i IN 1 .. cardinality(config.columns) LOOP
    CONTINUE WHEN NOT jsonb_exists(positions, config.columns[i]);
    value := fields[(positions ->> config.columns[i])::integer];
    CONTINUE WHEN value IS NOT DISTINCT FROM config.absent ->> config.members[i];
    payload := concat(payload, ',', to_json(config.members[i]), ':', coalesce(to_json(value), 'null'::json));
  END LOOP;
  payload := concat('{', substr(payload, 2), '}');
END
$function$;
