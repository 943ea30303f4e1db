-- Removes capture and guards from a table. The detachment is recorded in the chain; rows chained before stay checked.
CREATE OR REPLACE FUNCTION public.audit_chain_detach(relation regclass) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $function$
DECLARE
  config public.audit_chain_config;
  live   public.audit_chain_relation;
  part   regclass;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'detach needs a READ COMMITTED transaction, this one is %', upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Start the transaction with BEGIN ISOLATION LEVEL READ COMMITTED.';
  END IF;
  SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.relid = relation;
  config := public.audit_chain_in_force(live.kind);
  IF config.id IS NULL OR config.action = 'detach' OR starts_with(config.kind, 'audit_chain') THEN
    RAISE EXCEPTION '% is not attached', relation USING ERRCODE = 'AC002', HINT = 'audit-chain status lists the tables that are.';
  END IF;
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
  EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_capture ON %s', relation);
  EXECUTE format('DROP TRIGGER IF EXISTS "0_audit_chain_track" ON %s', relation);
  EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_guard ON %s', relation);
  FOR part IN SELECT relation UNION SELECT t.relid::regclass FROM pg_partition_tree(relation) AS t LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_guard_truncate ON %s', part);
  END LOOP;
  PERFORM public.audit_chain_publish(relation, false);
  PERFORM public.audit_chain_configure(relation, 'detach'::text, config.kind, config.key_columns, config.columns,
    config.members, config.absent, config.excluded, config.changes, config.mode, config.fallback, config.complete, false, config.blind_key, config.salt, config.retention);
  RETURN jsonb_build_object('relation', config.relation, 'kind', config.kind);
END
$function$;
