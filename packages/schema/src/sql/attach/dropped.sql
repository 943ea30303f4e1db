-- Records that an attached table has been dropped: a detachment that covers no columns. Only for one that is gone.
CREATE OR REPLACE FUNCTION public.audit_chain_dropped(kind text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config;
  live   public.audit_chain_relation;
BEGIN
  PERFORM public.audit_chain_lock_chain();
  config := public.audit_chain_in_force(kind);
  SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.kind = audit_chain_dropped.kind;
  IF live.kind IS NULL OR config.action = 'detach' THEN
    RAISE EXCEPTION 'no table is attached under the kind %', quote_literal(kind) USING ERRCODE = 'AC002', HINT = 'audit-chain status lists the tables that are.';
  ELSIF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = live.relid) THEN
    RAISE EXCEPTION '% is there', live.relid USING ERRCODE = 'object_in_use', HINT = format('To stop auditing it, run: audit-chain detach %s', live.relid);
  END IF;
  PERFORM public.audit_chain_link_all();
  INSERT INTO public.audit_chain_config
    (id, recorded_at, actor, action, kind, relation, key_columns, columns, members, absent, column_types, excluded, changes, mode, fallback, complete, record_anew, salt, blind_key, retention, present)
  SELECT (SELECT max(c.id) + 1 FROM public.audit_chain_config AS c), clock_timestamp(), session_user, 'detach', config.kind, config.relation, config.key_columns,
         '{}', '{}', '{}', '{}', '{}', config.changes, config.mode, config.fallback, config.complete, false, config.salt, config.blind_key, config.retention, '{}';
  PERFORM public.audit_chain_link(pg_current_xact_id(), 10000);
END
$function$;
