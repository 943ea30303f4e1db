-- A FROM clause that yields `event.pk` and `event.payload` of each row of `source`. A covered column that is gone
-- (dropped or renamed since) is found in `missing` instead and reads as NULL: capture must not break inserts.
-- The planner makes one scan of it. Columns may have any name: bare names are looked up among the columns of
-- `covered` first, and everything else in it is qualified.
CREATE OR REPLACE FUNCTION public.audit_chain_row_source(source text, key_columns text[], columns text[]) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format(
    E'%s AS source\n      CROSS JOIN (SELECT %s) AS missing\n      CROSS JOIN LATERAL (SELECT %s AS pk,\n             %s AS payload\n        FROM (SELECT source.*) AS covered) AS event',
    source,
    (SELECT string_agg(format('NULL::text AS %s', public.audit_chain_quoted(c.name)), ', ' ORDER BY c.n) FROM unnest(columns) WITH ORDINALITY AS c(name, n)),
    public.audit_chain_key_expression(key_columns),
    public.audit_chain_payload_expression(columns))
$function$;
