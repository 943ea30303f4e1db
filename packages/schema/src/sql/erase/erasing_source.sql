-- The statement by which audit_chain_erase and audit_chain_restore read one row of a table, or of one of its partitions: the
-- table that it lies in and its place there, and its payload hash as capture would make it. The key is compared as text, as events have it, which reads the whole table.
CREATE OR REPLACE FUNCTION public.audit_chain_erasing_source(relation regclass, pk text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
  texts  text[] := CASE WHEN cardinality(config.key_columns) = 1 THEN ARRAY[pk]
                        ELSE ARRAY(SELECT e.text FROM json_array_elements_text(pk::json) WITH ORDINALITY AS e(text, n) ORDER BY e.n) END;
BEGIN
  RETURN format(E'SELECT source.audit_chain_part, source.audit_chain_place, public.audit_chain_row_hash(%s::oid::regclass, event.pk, event.payload)\n  FROM %s', relation::oid,
    public.audit_chain_row_source(format('(SELECT t.tableoid AS audit_chain_part, t.ctid AS audit_chain_place, t.* FROM %s%s AS t WHERE %s)',
        (SELECT CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END FROM pg_class AS c WHERE c.oid = relation), relation,
        (SELECT string_agg(format('concat(t.%I) OPERATOR(pg_catalog.=) %L', c.name, coalesce(texts[c.n], '')), ' AND ' ORDER BY c.n)
           FROM unnest(config.key_columns) WITH ORDINALITY AS c(name, n))),
      config.key_columns, config.columns, config.members, config.absent));
END
$function$;
