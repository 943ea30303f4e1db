-- A name in double quotes, always. quote_ident leaves them out depending on the server's version and settings. What is
-- generated must come out the same everywhere, because the verifier compares it.
CREATE OR REPLACE FUNCTION public.audit_chain_quoted(name text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT concat('"', replace(name, '"', '""'), '"')
$function$;
