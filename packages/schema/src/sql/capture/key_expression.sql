-- The SQL expression of a row's key: the text of a single key column, or a JSON array of the texts; NULL where one is.
CREATE OR REPLACE FUNCTION public.audit_chain_key_expression(key_columns text[]) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format('CASE WHEN %s THEN %s END',
    string_agg(format('%s IS DISTINCT FROM NULL', public.audit_chain_quoted(k.name)), ' AND ' ORDER BY k.n),
    CASE WHEN cardinality(key_columns) = 1 THEN format('pg_catalog.concat(%s)', public.audit_chain_quoted(key_columns[1]))
    ELSE format('pg_catalog.concat(''['', %s, '']'')',
      string_agg(format('pg_catalog.to_json(pg_catalog.concat(%s))', public.audit_chain_quoted(k.name)), ', '','', ' ORDER BY k.n)) END)
    FROM unnest(key_columns) WITH ORDINALITY AS k(name, n)
$function$;
