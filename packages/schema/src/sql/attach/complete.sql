-- Records that every row of a table is chained: the backfill has finished. With `complete` false it records that rows
-- may be admitted again (`--readmit`), which the verifier reports unless its policy allows it.
CREATE OR REPLACE FUNCTION public.audit_chain_complete(relation regclass, complete boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config;
BEGIN
  -- Two backfills that end at once: the second waits here, and then finds it done. Rows that are being written are in
  -- pending when the lock is had, so that they are linked before the record.
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
  config := public.audit_chain_in_force((SELECT r.kind FROM public.audit_chain_relation AS r WHERE r.relid = audit_chain_complete.relation));
  IF config.id IS NULL OR config.action = 'detach' THEN
    RAISE EXCEPTION '% is not attached', relation USING ERRCODE = 'AC002', HINT = 'audit-chain status lists the tables that are.';
  ELSIF config.mode = 'stream' AND NOT audit_chain_complete.complete THEN
    RAISE EXCEPTION '% is in the mode stream, in which no rows are admitted again', relation
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('Attach it in the mode sealed first: SELECT audit_chain_attach(%L, mode => ''sealed'')', relation);
  ELSIF config.complete IS NOT DISTINCT FROM audit_chain_complete.complete THEN
    RETURN;
  END IF;
  PERFORM public.audit_chain_configure(relation, CASE WHEN complete THEN 'complete' ELSE 'readmit' END, config.kind,
    config.key_columns, config.columns, config.members, config.absent, config.excluded, config.changes, config.mode, config.fallback, complete, false, config.blind_key, config.salt, config.retention);
END
$function$;
