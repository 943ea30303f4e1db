-- The event by which a row was erased, for whoever is to sign a statement of it: its table's kind, its key as events have it,
-- and its link. All NULL where its newest event is none of that role, or waits to be linked.
CREATE OR REPLACE FUNCTION public.audit_chain_erased(relation regclass, pk text, OUT kind text, OUT event_pk text, OUT seq bigint, OUT chain_hash bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
  newest record;
  event  text := public.audit_chain_event_key(config, pk);
BEGIN
  SELECT n.* INTO newest FROM public.audit_chain_newest(config.kind, event, public.audit_chain_keyed_since(config.kind)) AS n;
  IF newest.role = 'erase' THEN
    SELECT config.kind, event, c.seq, c.chain_hash INTO kind, event_pk, seq, chain_hash
      FROM public.audit_chain AS c
     WHERE c.event_kind = concat(config.kind, ':erase') AND c.event_pk > concat(event, '@') COLLATE "C" AND c.event_pk < concat(event, 'A') COLLATE "C"
       AND c.event_pk = concat(event, '@', c.seq)
     ORDER BY c.seq DESC LIMIT 1;
  END IF;
END
$function$;
