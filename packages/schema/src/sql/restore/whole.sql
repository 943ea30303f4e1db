-- The table as it was attached: of a partition, the one that it belongs to.
CREATE OR REPLACE FUNCTION public.audit_chain_whole(relation regclass) RETURNS regclass
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN (SELECT r.relid FROM public.audit_chain_relation AS r WHERE r.kind = (public.audit_chain_attached(relation)).kind);
END
$function$;
