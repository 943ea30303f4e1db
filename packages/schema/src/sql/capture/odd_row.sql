-- Key and payload of a row whose columns have other types than when this session planned its capture. They are planned
-- anew each time, which is slow, until the session ends or the table is attached again.
CREATE OR REPLACE FUNCTION public.audit_chain_odd_row(kind text, r record, OUT pk text, OUT payload text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config;
BEGIN
  SELECT c.* INTO config FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_odd_row.kind ORDER BY c.id DESC LIMIT 1;
  EXECUTE format('SELECT event.pk, event.payload FROM %s', public.audit_chain_row_source('(SELECT ($1).*)'::text, config.key_columns, config.columns))
     INTO pk, payload USING r;
END
$function$;
