-- Appends events to the chain, in the order given. The caller holds the chain's lock, and has made sure that no event
-- of theirs is chained already. `changes` is NULL for an event, and its role for one of a row that has one already
-- (insert, update, delete, record). Such an event is keyed by its own seq, so it gets its final kind and key here.
-- `before_hashes` is NULL, or has for each event the payload hash of the row before, or NULL. Returns the chain's new size.
--
-- One loop for any number of events. Simple expressions cost less than the start of a statement where there is one
-- event, and as little as an aggregate where there are thousands. Sealing takes 12 us a row (PostgreSQL 18, CPU of the
-- backend, 100,000 rows). Of these the INSERT into the chain with its two indexes takes 6, which bounds everything
-- else; the loop takes 2.5, and reading and removing the pending rows 2.5.
CREATE OR REPLACE FUNCTION public.audit_chain_extend(
  kinds text[], pks text[], payload_hashes bytea[], before_hashes bytea[], changes text[]) RETURNS bigint
LANGUAGE plpgsql
-- While the chain is short, a scan of it looks cheaper than its index. That plan would be kept when it is not.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $function$
DECLARE
  before     bigint;
  head_hash  bytea;
  event_hash bytea;
  events     bytea[] := '{}';
  chains     bytea[];
  linked_at  timestamptz;
  opening    text;
  inserted   bigint;
BEGIN
  SELECT c.seq, c.chain_hash INTO before, head_hash FROM public.audit_chain AS c ORDER BY c.seq DESC LIMIT 1;
  IF before IS NULL THEN
    before := 0;
    head_hash := decode(repeat('00', 32), 'hex');
  END IF;
  chains := ARRAY[head_hash];
  linked_at := clock_timestamp();
  opening := concat('{"appended_at":"', to_char(linked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"');
  FOR i IN 1 .. cardinality(kinds) LOOP
    IF changes[i] IS NOT NULL THEN
      kinds[i] := concat(kinds[i], ':', changes[i]);
      pks[i] := concat(pks[i], '@', before + i);
    END IF;
    event_hash := sha256(convert_to(concat(opening, ',"before_hash":"' || encode(before_hashes[i], 'hex') || '"',
                                           ',"event_kind":', to_json(kinds[i]), ',"event_pk":', to_json(pks[i]), ',"payload_hash":"', encode(payload_hashes[i], 'hex'), '"}'), 'UTF8'));
    head_hash := sha256(head_hash || event_hash || int8send(before + i));
    events := array_append(events, event_hash);
    chains := array_append(chains, head_hash);
  END LOOP;
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    -- Here the tail was read as of the transaction's first statement: a seq can be taken without our seeing it. Asking
    -- every time costs 1 us a row and a WAL record more.
    INSERT INTO public.audit_chain (seq, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at)
    SELECT before + e.n, e.kind, e.pk, e.payload, e.event, e.prev, chains[e.n + 1], e.before_row, linked_at
      FROM unnest(kinds, pks, payload_hashes, before_hashes, events, chains) WITH ORDINALITY AS e(kind, pk, payload, before_row, event, prev, n)
     WHERE e.n <= cardinality(kinds)
    ON CONFLICT (seq) DO NOTHING;
    GET DIAGNOSTICS inserted = ROW_COUNT;
    IF inserted <> cardinality(kinds) THEN
      RAISE EXCEPTION 'the chain has grown since this transaction''s snapshot was taken'
        USING ERRCODE = 'serialization_failure', HINT = 'Repeat the transaction. READ COMMITTED never needs this.';
    END IF;
  ELSIF cardinality(kinds) = 1 THEN
    -- The statement below takes 38 us longer for one event: of 445 us that a commit of one strict row took its process.
    INSERT INTO public.audit_chain (seq, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at)
    VALUES (before + 1, kinds[1], pks[1], payload_hashes[1], event_hash, chains[1], head_hash, before_hashes[1], linked_at);
  ELSE
    INSERT INTO public.audit_chain (seq, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at)
    -- Not FROM unnest(…) with six arrays, each of which would be kept whole before the first row: 0.8 us a row.
    SELECT before + generate_series(1, cardinality(kinds)), unnest(kinds), unnest(pks), unnest(payload_hashes), unnest(events),
           unnest(chains[:cardinality(kinds)]), unnest(chains[2:]), unnest(before_hashes), linked_at;
  END IF;
  RETURN before + cardinality(kinds);
END
$function$;
