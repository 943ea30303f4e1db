-- A FROM clause that yields `event.pk` and `event.payload` of each row of `source`. Columns may have any name: bare
-- names are looked up among the columns of `covered` first, and everything else in it is qualified.
--
-- A covered column that is gone (dropped or renamed since) is found in `missing` instead: capture must not break
-- inserts. It reads as a text that tells whoever uses the payload to make it anew with audit_chain_odd_row. OFFSET 0
-- keeps the planner from putting the payload's expression into each place where it is looked at.
CREATE OR REPLACE FUNCTION public.audit_chain_row_source(source text, key_columns text[], columns text[], members text[], absent jsonb) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format(
    E'%s AS source\n      CROSS JOIN (SELECT %s) AS missing\n      CROSS JOIN LATERAL (SELECT %s AS pk,\n             %s AS payload\n        FROM (SELECT source.*) AS covered OFFSET 0) AS event',
    source,
    (SELECT string_agg(format('%L::text AS %s', public.audit_chain_gone(), public.audit_chain_quoted(c.name)), ', ' ORDER BY c.n) FROM unnest(columns) WITH ORDINALITY AS c(name, n)),
    public.audit_chain_key_expression(key_columns),
    public.audit_chain_payload_expression(columns, members, absent))
$function$;
