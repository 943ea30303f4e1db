-- Lets verifier and publisher read an audited table, also one that was detached: its rows of before stay checked. Runs with
-- the rights of the caller, who must own it.
CREATE OR REPLACE FUNCTION public.audit_chain_grant_reading(relation regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $function$
BEGIN
  EXECUTE format('GRANT SELECT ON %s TO scidex_audit_inspector, scidex_audit_publisher', relation);
  BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %s TO scidex_audit_inspector, scidex_audit_publisher', (SELECT quote_ident(n.nspname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation));
  EXCEPTION WHEN insufficient_privilege THEN
    NULL;  -- Whoever owns the schema has to grant it; audit-chain status tells.
  END;
END
$function$;
