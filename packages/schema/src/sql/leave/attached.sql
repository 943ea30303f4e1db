-- The configuration in force of an attached table, or of the table that it is a partition of; an error where there is none.
CREATE OR REPLACE FUNCTION public.audit_chain_attached(relation regclass) RETURNS public.audit_chain_config
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  kind   text := (SELECT r.kind FROM public.audit_chain_relation AS r WHERE r.relid IN (relation, pg_partition_root(relation)));
  config public.audit_chain_config := public.audit_chain_in_force(kind);
BEGIN
  IF config.id IS NULL OR config.action = 'detach' OR starts_with(config.kind, 'audit_chain') THEN
    RAISE EXCEPTION '% is not attached', relation USING ERRCODE = 'AC002', HINT = 'audit-chain status lists the tables that are.';
  END IF;
  RETURN config;
END
$function$;
