-- Payload hash of the newest event of a tracked row's key in the chain; NULL where there is none, or it is a deletion. `since`
-- is audit_chain_keyed_since of the kind, which takes longer than the rest.
--
-- A change is keyed by its own seq, and the index has these as text, where 10 stands before 9. So the longest are
-- looked for first, each length from its highest number down. That takes a few probes, however often the row has
-- changed.
CREATE OR REPLACE FUNCTION public.audit_chain_newest_hash(kind text, pk text, since bigint) RETURNS bytea
LANGUAGE plpgsql STABLE
-- See audit_chain_link.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $function$
DECLARE
  prefix text := concat(pk, '@');
  size   bigint;
  newest public.audit_chain;
  link   public.audit_chain;
  role   text;
BEGIN
  SELECT c.seq INTO size FROM public.audit_chain AS c ORDER BY c.seq DESC LIMIT 1;
  SELECT c.* INTO newest FROM public.audit_chain AS c WHERE c.event_kind = kind AND c.event_pk = pk;
  FOREACH role IN ARRAY ARRAY['insert', 'update', 'delete', 'record', 'retire', 'erase', 'restore'] LOOP
    role := concat(kind, ':', role);
    PERFORM FROM public.audit_chain AS c WHERE c.event_kind = role AND c.event_pk > prefix AND c.event_pk < concat(prefix, ':') LIMIT 1;
    CONTINUE WHEN NOT FOUND;
    FOR digits IN REVERSE length(size::text) .. 1 LOOP
      -- Keys can contain an @ themselves: another row's changes are not this one's.
      SELECT c.* INTO link FROM public.audit_chain AS c
       WHERE c.event_kind = role AND c.event_pk > prefix AND c.event_pk <= concat(prefix, least(size, repeat('9', digits)::numeric))
         AND length(c.event_pk) = length(prefix) + digits AND c.event_pk = concat(prefix, c.seq)
       ORDER BY c.event_pk DESC LIMIT 1;
      EXIT WHEN FOUND;
    END LOOP;
    IF link.seq > coalesce(newest.seq, 0) THEN
      newest := link;
    END IF;
  END LOOP;
  RETURN CASE WHEN newest.seq <= since OR newest.event_kind IN (concat(kind, ':delete'), concat(kind, ':retire'), concat(kind, ':erase')) THEN NULL ELSE newest.payload_hash END;
END
$function$;
