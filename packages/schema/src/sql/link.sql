-- Moves pending rows into the chain: those of one transaction (`own`, for strict tables at commit, where a conflict is
-- an error), or without `own` whatever has been committed (the sealer, where a conflicting row is set aside so that it
-- never stops the others). Returns how many rows it took out of pending.
--
-- The hashes of events are computed set-wise; only the chain itself is a loop. Tracked rows get their final kind and
-- key here, because a change is keyed by its own seq.
CREATE OR REPLACE FUNCTION public.audit_chain_link(own xid8, max_rows integer) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  head_seq   bigint;
  head_hash  bytea;
  first_seq  bigint;
  linked_at  timestamptz;
  linked_txt text;
  item       record;
  event_hash bytea;
  done       bigint[] := '{}';
  set_aside  bigint[] := '{}';
  kinds      text[] := '{}';
  pks        text[] := '{}';
  payloads   bytea[] := '{}';
  events     bytea[] := '{}';
  chains     bytea[] := '{}';
  inserted   bigint;
BEGIN
  PERFORM public.audit_chain_lock_chain();
  SELECT c.seq, c.chain_hash INTO head_seq, head_hash FROM public.audit_chain AS c ORDER BY c.seq DESC LIMIT 1;
  IF NOT FOUND THEN
    head_seq := 0;
    head_hash := '\x0000000000000000000000000000000000000000000000000000000000000000';
  END IF;
  first_seq := head_seq + 1;
  linked_at := clock_timestamp();
  linked_txt := to_char(linked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

  FOR item IN
    WITH taken AS MATERIALIZED (
      SELECT p.id, p.op, p.event_kind, p.event_pk, p.payload_hash
        FROM public.audit_chain_pending AS p
       WHERE CASE WHEN own IS NULL THEN p.conflict IS NULL ELSE p.xid = own AND p.mode = 'strict' END
       ORDER BY p.id
       LIMIT max_rows
    ), placed AS (
      -- What the key's first event is: one that stands in the chain, or one further up in this batch.
      SELECT t.*,
             c.payload_hash AS chained_hash,
             first_value(t.payload_hash) OVER same_key AS first_hash,
             row_number() OVER same_key > 1 AS repeated
        FROM taken AS t
        LEFT JOIN public.audit_chain AS c ON c.event_kind = t.event_kind AND c.event_pk = t.event_pk
      WINDOW same_key AS (PARTITION BY t.event_kind, t.event_pk, t.op IN ('update', 'delete') ORDER BY t.id)
    )
    SELECT p.id, p.op, p.event_kind, p.event_pk, p.payload_hash,
           CASE WHEN p.op IN ('update', 'delete') THEN NULL
                WHEN p.chained_hash IS NOT NULL THEN p.chained_hash
                WHEN p.repeated THEN p.first_hash
           END AS earlier_hash,
           CASE WHEN p.op = 'event' THEN sha256(convert_to(concat(
             '{"appended_at":"', linked_txt, '","event_kind":', to_json(p.event_kind), ',"event_pk":', to_json(p.event_pk),
             ',"payload_hash":"', encode(p.payload_hash, 'hex'), '"}'), 'UTF8')) END AS event_hash
      FROM placed AS p
     ORDER BY p.id
  LOOP
    event_hash := item.event_hash;
    IF item.op = 'event' THEN
      IF item.earlier_hash = item.payload_hash THEN
        done := done || item.id;
        CONTINUE;
      ELSIF item.earlier_hash IS NOT NULL THEN
        IF own IS NOT NULL THEN
          RAISE EXCEPTION 'the event % % is chained with another hash', item.event_kind, quote_literal(item.event_pk)
            USING ERRCODE = 'AC001',
                  DETAIL = format('chained: %s, new: %s', encode(item.earlier_hash, 'hex'), encode(item.payload_hash, 'hex')),
                  HINT = 'A row with this key was recorded before and has been removed or changed since. Use another key, or find out what happened with audit-verify.';
        END IF;
        set_aside := set_aside || item.id;
        CONTINUE;
      END IF;
    ELSE
      IF item.op <> 'insert' OR item.earlier_hash IS NOT NULL THEN
        item.event_kind := concat(item.event_kind, ':', item.op);
        item.event_pk := concat(item.event_pk, '@', head_seq + 1);
      END IF;
      event_hash := sha256(convert_to(concat(
        '{"appended_at":"', linked_txt, '","event_kind":', to_json(item.event_kind), ',"event_pk":', to_json(item.event_pk),
        ',"payload_hash":"', encode(item.payload_hash, 'hex'), '"}'), 'UTF8'));
    END IF;
    head_seq := head_seq + 1;
    head_hash := sha256(head_hash || event_hash || int8send(head_seq));
    done := done || item.id;
    kinds := kinds || item.event_kind::text;
    pks := pks || item.event_pk::text;
    payloads := payloads || item.payload_hash;
    events := events || event_hash;
    chains := chains || head_hash;
  END LOOP;

  IF head_seq >= first_seq THEN
    INSERT INTO public.audit_chain (seq, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, appended_at)
    SELECT first_seq + e.n - 1, e.kind, e.pk, e.payload, e.event,
           CASE WHEN e.n > 1 THEN chains[e.n - 1]
                WHEN first_seq = 1 THEN '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea
                ELSE (SELECT c.chain_hash FROM public.audit_chain AS c WHERE c.seq = first_seq - 1) END,
           e.chain, linked_at
      FROM unnest(kinds, pks, payloads, events, chains) WITH ORDINALITY AS e(kind, pk, payload, event, chain, n)
    ON CONFLICT (seq) DO NOTHING;
    GET DIAGNOSTICS inserted = ROW_COUNT;
    IF inserted <> head_seq - first_seq + 1 THEN
      RAISE EXCEPTION 'the chain has grown since this transaction''s snapshot was taken'
        USING ERRCODE = 'serialization_failure', HINT = 'Repeat the transaction. READ COMMITTED never needs this.';
    END IF;
  END IF;
  IF cardinality(done) > 0 THEN
    DELETE FROM public.audit_chain_pending AS p WHERE p.id = ANY (done);
  END IF;
  IF cardinality(set_aside) > 0 THEN
    UPDATE public.audit_chain_pending AS p SET conflict = 'this event is chained with another hash' WHERE p.id = ANY (set_aside);
  END IF;
  RETURN cardinality(done) + cardinality(set_aside);
END
$function$;
