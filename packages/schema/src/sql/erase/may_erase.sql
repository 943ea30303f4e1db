-- Lets one row of a table go for the rest of the transaction: the part of audit_chain_erase that needs our owner's rights.
-- Whoever calls it by himself may delete what he could erase. That it was meant, a statement has to say, which is signed
-- by a key that the verifier's policy has.
--
-- A row that is not what its newest event says stays: who has changed it past its trigger is not helped by it leaving.
CREATE OR REPLACE FUNCTION public.audit_chain_may_erase(relation regclass, pk text, payload_hash bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
  event  text := public.audit_chain_event_key(config, pk);
  newest record;
BEGIN
  IF config.changes <> 'refuse' THEN
    RAISE EXCEPTION 'rows of % may be deleted, which is recorded', config.relation USING ERRCODE = 'AC002', HINT = 'Delete the row: erasing is for tables that refuse changes.';
  END IF;
  SELECT n.* INTO newest FROM public.audit_chain_newest(config.kind, event, public.audit_chain_keyed_since(config.kind)) AS n;
  IF newest.payload_hash IS DISTINCT FROM payload_hash OR newest.role IN ('delete', 'retire', 'erase') THEN
    RAISE EXCEPTION 'the row % of % is not what was recorded', pk, config.relation USING ERRCODE = 'AC004', HINT = 'See with audit-chain verify what it was. It can be erased once it is again, or once it is recorded as it stands.';
  END IF;
  INSERT INTO public.audit_chain_leaving (event_kind, event_pk, payload_hash, role) VALUES (config.kind, event, payload_hash, 'erase') ON CONFLICT DO NOTHING;
END
$function$;
