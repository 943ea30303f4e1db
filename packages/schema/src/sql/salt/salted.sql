-- Payload hash of a row whose table's payloads are salted: SHA-256(salt || payload). A row has one salt from its first event to
-- its erasure: 16 bytes of two random numbers with 122 bits each. `pk` is its key as events have it.
--
-- A salt that is there stays: so a row that is put back, by a backup or past the triggers, is the one that was recorded. It is
-- locked until the transaction ends (audit_chain_forget).
CREATE OR REPLACE FUNCTION public.audit_chain_salted(kind text, pk text, payload text) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
-- See audit_chain_link.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  kept bytea;
BEGIN
  SELECT s.salt INTO kept FROM public.audit_chain_salt AS s WHERE s.event_kind = kind AND s.event_pk = pk FOR SHARE;
  IF NOT FOUND THEN
    INSERT INTO public.audit_chain_salt AS s (event_kind, event_pk, salt)
    VALUES (kind, pk, substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 16))
    ON CONFLICT ON CONSTRAINT audit_chain_salt_pkey DO UPDATE SET salt = s.salt
    RETURNING s.salt INTO kept;
  END IF;
  RETURN sha256(kept || convert_to(payload, 'UTF8'));
END
$function$;
