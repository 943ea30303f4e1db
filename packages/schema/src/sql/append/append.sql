-- The door for an event without a table. Returns its link; the same event again returns the link that is there.
-- Holds the chain's lock until the transaction ends: call it last.
CREATE OR REPLACE FUNCTION public.audit_chain_append(kind text, pk text, payload_hash bytea) RETURNS public.audit_chain
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  head    public.audit_chain;
  link    public.audit_chain;
  checked text;
BEGIN
  -- Expressions, because each PERFORM costs 3 us more.
  checked := public.audit_chain_check_event(kind, pk, payload_hash);
  checked := public.audit_chain_lock_chain();
  -- Under the lock: a table can be attached under this kind while we wait.
  checked := public.audit_chain_check_kind(kind);
  SELECT c.* INTO head FROM public.audit_chain AS c ORDER BY c.seq DESC LIMIT 1;
  link.seq := coalesce(head.seq, 0) + 1;
  link.event_kind := kind;
  link.event_pk := pk;
  link.payload_hash := audit_chain_append.payload_hash;
  link.prev_hash := coalesce(head.chain_hash, decode(repeat('00', 32), 'hex'));
  link.appended_at := clock_timestamp();
  link.event_hash := sha256(convert_to(concat(
    '{"appended_at":"', to_char(link.appended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    '","event_kind":', to_json(kind), ',"event_pk":', to_json(pk),
    ',"payload_hash":"', encode(link.payload_hash, 'hex'), '"}'), 'UTF8'));
  link.chain_hash := sha256(link.prev_hash || link.event_hash || int8send(link.seq));
  INSERT INTO public.audit_chain SELECT link.* ON CONFLICT DO NOTHING;
  IF FOUND THEN
    RETURN link;
  END IF;
  SELECT c.* INTO link FROM public.audit_chain AS c WHERE c.event_kind = kind AND c.event_pk = pk;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the chain has grown since this transaction''s snapshot was taken'
      USING ERRCODE = 'serialization_failure', HINT = 'Repeat the transaction. READ COMMITTED never needs this.';
  ELSIF link.payload_hash <> audit_chain_append.payload_hash THEN
    RAISE EXCEPTION 'the event % % is chained with another hash', kind, quote_literal(pk)
      USING ERRCODE = 'AC001',
            DETAIL = format('chained at seq %s: %s, new: %s', link.seq, encode(link.payload_hash, 'hex'), encode(audit_chain_append.payload_hash, 'hex')),
            HINT = 'An event is recorded once. Record what is new under another key.';
  END IF;
  RETURN link;
END
$function$;
