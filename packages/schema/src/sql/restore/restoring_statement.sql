-- The statement by which audit_chain_restore puts a row back: an INSERT, or an UPDATE of the row at the place $1 of the table
-- $2. `brought` is the row as a JSON object by the columns' names of now; a column is found by the name too that it was
-- recorded under. Every value is a literal in the text that its type reads, so that no cast is looked up.
--
-- Columns that are not covered are no part of what was recorded: they stay as they are, and a row that was missing gets what
-- was brought of them. A covered column that was not brought gets what older rows have in it, or NULL. Generated columns are
-- passed over.
CREATE OR REPLACE FUNCTION public.audit_chain_restoring_statement(config public.audit_chain_config, target regclass, brought json, is_missing boolean) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  qualified text := (SELECT concat(quote_ident(n.nspname), '.', quote_ident(c.relname)) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = target);
  named   text[];
  unknown text;
  names   text;
  texts   text;
  sets    text;
BEGIN
  IF json_typeof(brought) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'a row is a JSON object of its columns' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  named := ARRAY(SELECT json_object_keys(brought));
  SELECT string_agg(quote_literal(b.name), ', ') INTO unknown
    FROM unnest(named) AS b(name)
   WHERE b.name <> ALL (config.members)
     AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = target AND a.attname::text = b.name AND a.attnum > 0 AND NOT a.attisdropped);
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION '% has no columns named %', target, unknown
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Name the columns as they are called now, or as they were recorded.';
  END IF;
  WITH columns AS (
    SELECT a.attname::text AS name, a.attnum, a.attidentity = 'a' AS is_given, config.members[array_position(config.columns, a.attname::text)] AS member,
           coalesce(nullif(t.typbasetype, 0), t.oid) IN ('json'::regtype, 'jsonb'::regtype) AS is_json
      FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
     WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  ), found AS (
    -- A name that a column has now is that column's, also where another one was recorded under it.
    SELECT c.*, CASE WHEN c.name = ANY (named) THEN c.name
                     WHEN c.member = ANY (named) AND NOT EXISTS (SELECT FROM columns AS o WHERE o.name = c.member) THEN c.member END AS key
      FROM columns AS c
  ), valued AS (
    SELECT f.*, CASE WHEN f.key IS NULL THEN quote_nullable(config.absent ->> f.member)
                     WHEN json_typeof(brought -> f.key) NOT IN ('array', 'object') OR f.is_json THEN quote_nullable(brought ->> f.key)
                     -- An array or a composite value, as row_to_json writes it.
                     ELSE format('(SELECT r.%I FROM pg_catalog.json_populate_record(NULL::%s, %L) AS r)', f.name, qualified, json_build_object(f.name, brought -> f.key)) END AS value
      FROM found AS f
  )
  SELECT string_agg(quote_ident(v.name), ', ' ORDER BY v.attnum) FILTER (WHERE v.key IS NOT NULL OR v.member IS NOT NULL),
         string_agg(v.value, ', ' ORDER BY v.attnum) FILTER (WHERE v.key IS NOT NULL OR v.member IS NOT NULL),
         string_agg(format('%I = %s', v.name, v.value), ', ' ORDER BY v.attnum) FILTER (WHERE v.member IS NOT NULL AND NOT v.is_given AND v.name <> ALL (config.key_columns))
    INTO names, texts, sets
    FROM valued AS v;
  RETURN CASE WHEN is_missing THEN format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)', qualified, names, texts)
              ELSE format('UPDATE %s SET %s WHERE ctid OPERATOR(pg_catalog.=) $1 AND tableoid OPERATOR(pg_catalog.=) $2', qualified, sets) END;
END
$function$;
