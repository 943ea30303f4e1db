-- The table as it was attached: of a partition, the one that it belongs to.
CREATE OR REPLACE FUNCTION public.audit_chain_whole(relation regclass) RETURNS regclass
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
BEGIN
  RETURN (SELECT r.relid FROM public.audit_chain_relation AS r WHERE r.kind = config.kind);
END
$function$;
