-- The publication for the tables of a table's owner, made if it is not there: the first step of attaching one in the mode
-- `stream`, in a transaction of its own. The capture process has to follow a publication before anything is in it: a
-- transaction that began before there was one could not be decoded. Runs with the rights of the caller, who needs CREATE
-- on the database where he is no superuser.
CREATE OR REPLACE FUNCTION public.audit_chain_publication(relation regclass) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = error
AS $function$
DECLARE
  owner oid;
  name  text;
BEGIN
  SELECT c.relowner INTO owner FROM pg_class AS c WHERE c.oid = relation;
  SELECT p.pubname INTO name FROM pg_publication AS p WHERE p.pubowner = owner AND starts_with(p.pubname::text, 'audit_chain') ORDER BY p.pubname LIMIT 1;
  IF NOT FOUND THEN
    name := concat('audit_chain_', owner);
    EXECUTE format('CREATE PUBLICATION %I', name);
    IF owner <> (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = current_user) THEN
      EXECUTE format('ALTER PUBLICATION %I OWNER TO %s', name, owner::regrole);
    END IF;
  END IF;
  RETURN name;
END
$function$;
