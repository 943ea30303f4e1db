-- Name of a kind's capture function: kinds can be longer than a name may be.
CREATE OR REPLACE FUNCTION public.audit_chain_capture_name(kind text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT concat('audit_chain_capture_', substr(encode(sha256(convert_to(kind, 'UTF8')), 'hex'), 1, 16))
$function$;
