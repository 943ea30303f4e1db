-- Puts the triggers of an audited table where they belong, enabled, and lets verifier and publisher read it. Runs with the
-- rights of the caller, who must own the table and may put this capture function on a trigger.
CREATE OR REPLACE FUNCTION public.audit_chain_put_triggers(relation regclass, changes text, mode text, row_wise boolean, function_name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $function$
DECLARE
  part regclass;
BEGIN
  -- Triggers are replaced, not dropped and made again: dropping one waits for readers too, and makes them wait.
  IF mode = 'stream' THEN
    EXECUTE format('DROP TRIGGER IF EXISTS "0_audit_chain_track" ON %s', relation);
    EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_capture ON %s', relation);
    IF changes = 'track' THEN
      EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_guard ON %s', relation);
    ELSE
      EXECUTE format('CREATE OR REPLACE TRIGGER audit_chain_guard AFTER UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION public.%I()', relation, function_name);
    END IF;
  ELSIF changes = 'track' THEN
    EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_capture ON %s', relation);
    EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_guard ON %s', relation);
    EXECUTE format('CREATE OR REPLACE TRIGGER "0_audit_chain_track" AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION public.%I()', relation, function_name);
  ELSE
    EXECUTE format('DROP TRIGGER IF EXISTS "0_audit_chain_track" ON %s', relation);
    IF row_wise THEN
      EXECUTE format('CREATE OR REPLACE TRIGGER audit_chain_capture AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION public.%I()', relation, function_name);
    ELSE
      EXECUTE format('CREATE OR REPLACE TRIGGER audit_chain_capture AFTER INSERT ON %s REFERENCING NEW TABLE AS audit_chain_new FOR EACH STATEMENT EXECUTE FUNCTION public.%I()', relation, function_name);
    END IF;
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_chain_guard AFTER UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION public.%I()', relation, function_name);
  END IF;
  -- Partitions do not inherit statement triggers: each one that is there gets the guard against TRUNCATE.
  FOR part IN SELECT relation UNION SELECT t.relid::regclass FROM pg_partition_tree(relation) AS t LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_chain_guard_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION public.%I()', part, function_name);
  END LOOP;
  PERFORM public.audit_chain_grant_reading(relation);
END
$function$;
