-- Links everything that can be seen in pending, in batches, under one lock: before the configuration changes.
CREATE OR REPLACE FUNCTION public.audit_chain_link_all() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  WHILE public.audit_chain_link(NULL::xid8, 10000) > 0 LOOP
  END LOOP;
END
$function$;
