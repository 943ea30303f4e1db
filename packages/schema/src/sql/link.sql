-- Moves pending rows into the chain: those of one transaction (`own`, for strict tables at commit, where a conflict is
-- an error), or with `own` NULL whatever has been committed (the sealer, where a conflicting row is set aside so that
-- it never stops the others). Returns how many rows it dealt with.
--
-- Everything is computed set-wise but the chain itself, which is a loop of three statements a row: 50,000 rows took
-- 1.75 s when each row was judged inside the loop. Changes of tracked rows get their final kind and key here, because
-- a change is keyed by its own seq.
CREATE OR REPLACE FUNCTION public.audit_chain_link(own xid8, max_rows integer) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- Rows are few beside the chain and are reached by an index. A plan that reads the whole chain for each batch looks
-- cheap while the chain is short, and is kept when it is not.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $function$
DECLARE
  head_seq   bigint;
  head_hash  bytea;
  first_seq  bigint;
  linked_at  timestamptz;
  linked_txt text;
  event_hash bytea;
  places     tid[];
  kinds      text[];
  pks        text[];
  payloads   bytea[];
  events     bytea[];
  chains     bytea[] := '{}';
  prevs      bytea[];
  odd        text[];
  inserted   bigint;
BEGIN
  PERFORM public.audit_chain_lock_chain();
  -- Two statements, because one for both would get one plan for both: with a large backlog of sealed rows, a commit of
  -- a strict table must find its own by the index. Nothing moves these rows meanwhile: whoever does holds the lock.
  IF own IS NULL THEN
    SELECT array_agg(t.place) INTO places
      FROM (SELECT p.ctid AS place FROM public.audit_chain_pending AS p WHERE p.conflict IS NULL ORDER BY p.id LIMIT max_rows) AS t;
  ELSE
    SELECT array_agg(t.place) INTO places
      FROM (SELECT p.ctid AS place FROM public.audit_chain_pending AS p WHERE p.xid = own AND p.mode = 'strict' ORDER BY p.xid, p.id LIMIT max_rows) AS t;
  END IF;
  IF places IS NULL THEN
    RETURN 0;
  END IF;
  SELECT c.seq, c.chain_hash INTO head_seq, head_hash FROM public.audit_chain AS c ORDER BY c.seq DESC LIMIT 1;
  IF NOT FOUND THEN
    head_seq := 0;
    head_hash := decode(repeat('00', 32), 'hex');
  END IF;
  first_seq := head_seq + 1;
  prevs := ARRAY[head_hash];
  linked_at := clock_timestamp();
  linked_txt := to_char(linked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

  WITH taken AS (
    SELECT p.id, p.op, p.event_kind, p.event_pk, p.payload_hash
      FROM public.audit_chain_pending AS p WHERE p.ctid = ANY (places)
  ), placed AS (
    -- What the key's first event is: one that stands in the chain, or one further up in this batch.
    SELECT t.*,
           CASE WHEN c.seq IS NOT NULL THEN c.payload_hash
                WHEN row_number() OVER same_key > 1 THEN first_value(t.payload_hash) OVER same_key
           END AS earlier_hash
      FROM taken AS t
      LEFT JOIN public.audit_chain AS c ON c.event_kind = t.event_kind AND c.event_pk = t.event_pk
    WINDOW same_key AS (PARTITION BY t.event_kind, t.event_pk, t.op IN ('update', 'delete') ORDER BY t.id)
  ), judged AS (
    SELECT p.*,
           CASE WHEN p.op IN ('update', 'delete') THEN 'change'
                -- The kind was free when the door was used, and belongs to a table since.
                WHEN p.op = 'door' AND EXISTS (
                  SELECT FROM public.audit_chain_relation AS r
                   WHERE r.kind IN (p.event_kind, regexp_replace(p.event_kind, ':(insert|update|delete)$', ''))) THEN 'taken'
                WHEN p.earlier_hash IS NULL THEN 'new'
                WHEN p.op = 'insert' THEN 'change'
                WHEN p.earlier_hash = p.payload_hash THEN 'same'
                ELSE 'conflict'
           END AS verdict
      FROM placed AS p
  ), numbered AS (
    SELECT j.*, j.verdict IN ('new', 'change') AS linked,
           head_seq + count(*) FILTER (WHERE j.verdict IN ('new', 'change')) OVER (ORDER BY j.id ROWS UNBOUNDED PRECEDING) AS seq
      FROM judged AS j
  ), named AS (
    SELECT n.id, n.linked, n.verdict, n.payload_hash,
           CASE WHEN n.verdict = 'change' THEN concat(n.event_kind, ':', n.op) ELSE n.event_kind END AS kind,
           CASE WHEN n.verdict = 'change' THEN concat(n.event_pk, '@', n.seq) ELSE n.event_pk END AS pk
      FROM numbered AS n ORDER BY n.id
  )
  SELECT array_agg(e.kind) FILTER (WHERE e.linked), array_agg(e.pk) FILTER (WHERE e.linked),
         array_agg(e.payload_hash) FILTER (WHERE e.linked),
         array_agg(CASE WHEN e.linked THEN sha256(convert_to(concat(
           '{"appended_at":"', linked_txt, '","event_kind":', to_json(e.kind), ',"event_pk":', to_json(e.pk),
           ',"payload_hash":"', encode(e.payload_hash, 'hex'), '"}'), 'UTF8')) END) FILTER (WHERE e.linked),
         array_agg(concat(e.verdict, ' ', e.id)) FILTER (WHERE e.verdict IN ('taken', 'conflict'))
    INTO kinds, pks, payloads, events, odd
    FROM named AS e;

  IF odd IS NOT NULL AND own IS NOT NULL THEN
    DECLARE
      item public.audit_chain_pending;
    BEGIN
      SELECT p.* INTO item FROM public.audit_chain_pending AS p WHERE p.id = split_part(odd[1], ' ', 2)::bigint;
      RAISE EXCEPTION 'the event % % is chained with another hash', item.event_kind, quote_literal(item.event_pk)
        USING ERRCODE = 'AC001',
              DETAIL = format('The new hash is %s.', encode(item.payload_hash, 'hex')),
              HINT = 'A row with this key was recorded before and has been removed or changed since. Use another key, or find out what happened with audit-verify.';
    END;
  END IF;

  IF events IS NOT NULL THEN
    FOREACH event_hash IN ARRAY events LOOP
      head_seq := head_seq + 1;
      head_hash := sha256(head_hash || event_hash || int8send(head_seq));
      chains := chains || head_hash;
    END LOOP;
    INSERT INTO public.audit_chain (seq, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, appended_at)
    SELECT first_seq + e.n - 1, e.kind, e.pk, e.payload, e.event, e.prev, e.chain, linked_at
      FROM unnest(kinds, pks, payloads, events, prevs || chains, chains) WITH ORDINALITY AS e(kind, pk, payload, event, prev, chain, n)
     WHERE e.n <= head_seq - first_seq + 1
    ON CONFLICT (seq) DO NOTHING;
    GET DIAGNOSTICS inserted = ROW_COUNT;
    IF inserted <> head_seq - first_seq + 1 THEN
      RAISE EXCEPTION 'the chain has grown since this transaction''s snapshot was taken'
        USING ERRCODE = 'serialization_failure', HINT = 'Repeat the transaction. READ COMMITTED never needs this.';
    END IF;
  END IF;
  IF odd IS NULL THEN
    DELETE FROM public.audit_chain_pending AS p WHERE p.ctid = ANY (places);
  ELSE
    DELETE FROM public.audit_chain_pending AS p
     WHERE p.ctid = ANY (places) AND NOT EXISTS (SELECT FROM unnest(odd) AS o WHERE split_part(o, ' ', 2)::bigint = p.id);
    UPDATE public.audit_chain_pending AS p
       SET conflict = CASE split_part(o, ' ', 1) WHEN 'taken' THEN 'this kind belongs to an audited table'
                                                 ELSE 'this event is chained with another hash' END
      FROM unnest(odd) AS o WHERE p.id = split_part(o, ' ', 2)::bigint;
  END IF;
  RETURN cardinality(places);
END
$function$;
