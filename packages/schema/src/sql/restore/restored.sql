-- The part of audit_chain_restore that comes after the change and needs our owner's rights: holds the row as it is now
-- against what was recorded, and makes its event, of the role `restore`, in the place of what capture has made of the change.
-- Linked at commit in any mode: so it is never the sealer's alone to see.
--
-- Both hashes are the caller's words. Where triggers capture, they must bear him out; where the write-ahead log is captured,
-- it brings what he did, and an event that is not followed by that says nothing of the row but what was recorded already.
CREATE OR REPLACE FUNCTION public.audit_chain_restored(relation regclass, pk text, before_hash bytea, payload_hash bytea, OUT kind text, OUT seq bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  befores bytea[];
  afters  bytea[];
  config  public.audit_chain_config := public.audit_chain_attached(relation);
  event   text := public.audit_chain_event_key(config, pk);
  newest  record := public.audit_chain_standing(config.kind, event);
BEGIN
  IF newest.payload_hash IS DISTINCT FROM audit_chain_restored.payload_hash OR newest.role IN ('delete', 'retire', 'erase') THEN
    PERFORM public.audit_chain_another_row(config.relation::text, pk, audit_chain_restored.payload_hash, newest.payload_hash, newest.seq);
  END IF;
  WITH own AS (
    DELETE FROM public.audit_chain_pending AS p WHERE p.xid = pg_current_xact_id() AND p.event_kind = config.kind AND p.event_pk = event
    RETURNING p.id, p.before_hash, CASE WHEN p.op <> 'delete' THEN p.payload_hash END AS after
  )
  SELECT array_agg(o.before_hash ORDER BY o.id), array_agg(o.after ORDER BY o.id) INTO befores, afters FROM own AS o;
  IF newest.payload_hash = audit_chain_restored.before_hash OR config.mode <> 'stream' AND (
       befores IS NULL OR befores[1] IS DISTINCT FROM audit_chain_restored.before_hash OR afters[cardinality(afters)] IS DISTINCT FROM audit_chain_restored.payload_hash) THEN
    RAISE EXCEPTION 'capture has not seen the row % of % being put back', pk, config.relation
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Its triggers are missing or disabled: audit-chain init --repair puts them back.';
  END IF;
  INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash, before_hash)
  VALUES ('strict', 'restore', config.kind, event, audit_chain_restored.payload_hash, audit_chain_restored.before_hash);
  INSERT INTO public.audit_chain_ticket DEFAULT VALUES ON CONFLICT DO NOTHING;
  kind := config.kind;
  seq := newest.seq;
END
$function$;
