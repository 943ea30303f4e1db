-- Guard of our own tables: what is in them stays as it is, for everyone.
CREATE OR REPLACE FUNCTION public.audit_chain_append_only() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'AC004',
          HINT = 'Links, configuration and secrets are never changed or removed. To change what is covered, use audit_chain_attach or audit_chain_detach.';
END
$function$;
