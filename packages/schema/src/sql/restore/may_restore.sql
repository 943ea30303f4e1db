-- The part of audit_chain_restore that comes before the change and needs our owner's rights: says what was recorded of a row
-- and how it is put back, and lets the guard of a table that refuses changes pass just that. `before_hash` is the payload hash
-- of the row that is there, NULL where there is none. Whoever calls it by himself may put back what he could restore.
--
-- A row that has left lawfully stays away.
CREATE OR REPLACE FUNCTION public.audit_chain_may_restore(relation regclass, pk text, before_hash bytea, brought json, OUT statement text, OUT recorded bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  newest record;
  config public.audit_chain_config := public.audit_chain_attached(relation);
  event  text := public.audit_chain_event_key(config, pk);
BEGIN
  IF config.mode = 'stream' THEN
    -- What was changed past the guard is to be linked before what puts it back.
    PERFORM public.audit_chain_await_stream(config.kind);
  END IF;
  IF EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.event_kind = config.kind AND p.event_pk = event AND p.conflict IS NULL) THEN
    RAISE EXCEPTION 'an event of the row % of % waits to be linked', pk, config.relation
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run audit-chain seal, and repeat this.';
  END IF;
  newest := public.audit_chain_standing(config.kind, event);
  IF newest.seq IS NULL THEN
    RAISE EXCEPTION 'nothing is recorded of a row % of %', pk, config.relation
      USING ERRCODE = 'no_data_found', HINT = 'The key is the row''s as text, of several columns a JSON array of their texts.';
  ELSIF newest.role IN ('delete', 'retire', 'erase') THEN
    RAISE EXCEPTION 'the row % of % % lawfully, which is seq %', pk, config.relation,
      CASE newest.role WHEN 'delete' THEN 'was deleted' WHEN 'retire' THEN 'was retired' ELSE 'was erased' END, newest.seq
      USING ERRCODE = 'AC004', HINT = 'Only a row that was changed or deleted past its trigger can be put back.';
  ELSIF newest.payload_hash = before_hash THEN
    RAISE EXCEPTION 'the row % of % is what was recorded at seq %: there is nothing to put back', pk, config.relation, newest.seq
      USING ERRCODE = 'object_not_in_prerequisite_state';
  ELSIF before_hash IS NULL AND config.retention IS NOT NULL
        AND newest.changed_at AT TIME ZONE 'UTC' < clock_timestamp() AT TIME ZONE 'UTC' - config.retention::interval THEN
    -- In UTC, where each day has 24 hours.
    RAISE EXCEPTION 'the row % of % is older than the retention of %, by which it may be gone', pk, config.relation, config.retention
      USING ERRCODE = 'AC004', HINT = 'A row that has left by its retention is not put back.';
  END IF;
  IF config.changes = 'refuse' AND before_hash IS NOT NULL THEN
    INSERT INTO public.audit_chain_leaving (event_kind, event_pk, payload_hash, role) VALUES (config.kind, event, newest.payload_hash, 'restore') ON CONFLICT DO NOTHING;
  END IF;
  recorded := newest.payload_hash;
  statement := public.audit_chain_restoring_statement(config, public.audit_chain_whole(relation), brought, before_hash IS NULL);
END
$function$;
