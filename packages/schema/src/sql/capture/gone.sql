-- What capture reads in the place of a column that is gone. A row that has this text itself is captured all the same:
-- only slower.
CREATE OR REPLACE FUNCTION public.audit_chain_gone() RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT 'audit_chain_gone_8f6d2c1e5b7a4093'
$function$;
