-- Moves pending rows into the chain. With `own` these are the rows of one transaction, for strict tables at commit,
-- where a conflict is an error. With `own` NULL they are whatever has been committed, for the sealer, which sets a
-- conflicting row aside so that it never stops the others. Returns how many rows it dealt with.
--
-- Nearly always every event is new. A commit of a few events looks first whether they are. Where there are many, and in
-- the sealer, linking is tried at once, in a subtransaction: with thousands of events a look costs as much as the whole
-- loop. Only what turns out not to be new is judged, event by event. The statement for that takes longer to plan and to
-- start than all the others together: 1 ms of each commit when it always ran.
CREATE OR REPLACE FUNCTION public.audit_chain_link(own xid8, max_rows integer) RETURNS integer
LANGUAGE plpgsql
-- Rows are few beside the chain and are reached by an index. A plan that reads the whole chain for each batch looks
-- cheap while the chain is short, and is kept when it is not. A scan that cannot be avoided costs 10,000,000,000 then:
-- without jit = off it would be compiled, at 8 to 53 ms (PostgreSQL 14 to 17 with LLVM).
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  few      CONSTANT integer := 8;
  ahead    CONSTANT integer := 100000;
  places   tid[];
  kinds    text[];
  pks      text[];
  payloads bytea[];
  befores  bytea[];
  changes  text[];
  xids     xid8[];
  places_in_order integer[];
  last_id  bigint;
  odd      text[];
  is_changed boolean;
  is_nested boolean;
  several  boolean;
  unusual  boolean;
  locked   boolean;
  size     bigint;
BEGIN
  -- Two statements, because one for both would get one plan for both: with a large backlog of sealed rows, a commit of
  -- a strict table must find its own by the index. A transaction's own rows are nobody else's: they are read, and taken
  -- out, before the lock. The sealer reads under it, or two sealers would take the same rows. A scalar subquery keeps the
  -- planner to one probe of the index for each event.
  IF own IS NULL THEN
    locked := public.audit_chain_lock_chain();
    SELECT array_agg(p.ctid), array_agg(p.event_kind), array_agg(p.event_pk), array_agg(p.payload_hash), array_agg(p.before_hash),
           array_agg(CASE WHEN p.op IN ('update', 'delete', 'retire', 'erase', 'restore') THEN p.op END), bool_or(p.op IN ('update', 'delete')), bool_or(p.nested), array_agg(p.xid), max(p.id),
           bool_or(p.op = 'door')
      INTO places, kinds, pks, payloads, befores, changes, is_changed, is_nested, xids, last_id, unusual
      FROM (SELECT t.ctid, t.* FROM public.audit_chain_pending AS t WHERE t.conflict IS NULL ORDER BY t.id LIMIT max_rows) AS p;
  ELSE
    SELECT array_agg(p.ctid), array_agg(p.event_kind), array_agg(p.event_pk), array_agg(p.payload_hash), array_agg(p.before_hash),
           array_agg(CASE WHEN p.op IN ('update', 'delete', 'retire', 'erase', 'restore') THEN p.op END), bool_or(p.op IN ('update', 'delete')), bool_or(p.nested), array_agg(p.xid), max(p.id),
           bool_or(p.op NOT IN ('update', 'delete', 'retire', 'erase', 'restore')
                   AND (SELECT true FROM public.audit_chain AS c WHERE c.event_kind = p.event_kind AND c.event_pk = p.event_pk))
      INTO places, kinds, pks, payloads, befores, changes, is_changed, is_nested, xids, last_id, unusual
      FROM (SELECT t.ctid, t.* FROM public.audit_chain_pending AS t WHERE t.xid = own AND t.mode = 'strict' ORDER BY t.xid, t.id LIMIT few) AS p;
    IF cardinality(places) = few THEN
      SELECT array_agg(p.ctid), array_agg(p.event_kind), array_agg(p.event_pk), array_agg(p.payload_hash), array_agg(p.before_hash),
             array_agg(CASE WHEN p.op IN ('update', 'delete', 'retire', 'erase', 'restore') THEN p.op END), bool_or(p.op IN ('update', 'delete')), bool_or(p.nested), array_agg(p.xid), max(p.id), false
        INTO places, kinds, pks, payloads, befores, changes, is_changed, is_nested, xids, last_id, unusual
        FROM (SELECT t.ctid, t.* FROM public.audit_chain_pending AS t WHERE t.xid = own AND t.mode = 'strict' ORDER BY t.xid, t.id LIMIT max_rows) AS p;
    END IF;
  END IF;
  IF places IS NULL THEN
    RETURN 0;
  END IF;
  IF is_nested AND cardinality(places) >= max_rows THEN
    -- The batch ends somewhere in a transaction: it takes in what comes later of the same keys, or they could not be put in
    -- order. Only where triggers have changed rows, because a look costs half as much as the batch; and no further than
    -- `ahead`, which bounds the memory that somebody's transaction can make the sealer use.
    SELECT places || coalesce(array_agg(p.ctid), '{}'), kinds || coalesce(array_agg(p.event_kind), '{}'), pks || coalesce(array_agg(p.event_pk), '{}'),
           payloads || coalesce(array_agg(p.payload_hash), '{}'), befores || coalesce(array_agg(p.before_hash), '{}'),
           changes || coalesce(array_agg(CASE WHEN p.op IN ('update', 'delete', 'retire', 'erase', 'restore') THEN p.op END), '{}'), xids || coalesce(array_agg(p.xid), '{}'), true
      INTO places, kinds, pks, payloads, befores, changes, xids, is_changed
      FROM (SELECT t.ctid, t.* FROM public.audit_chain_pending AS t
             WHERE t.id > last_id AND t.conflict IS NULL AND (own IS NULL OR t.xid = own AND t.mode = 'strict') ORDER BY t.id LIMIT ahead) AS p
     WHERE p.op IN ('insert', 'update', 'delete')
       AND (p.xid, p.event_kind, p.event_pk) IN (SELECT e.xid, e.kind, e.pk FROM unnest(xids, kinds, pks) AS e(xid, kind, pk));
  END IF;
  -- Whether a key is there twice. Where events are few it is seen at once whether their order is right: the function below
  -- takes 150 us to begin. Where they are many, most are of keys of their own: 2 ms for 10,000, by numbers instead of texts.
  IF cardinality(places) BETWEEN 2 AND few - 1 AND (is_changed OR own IS NOT NULL) THEN
    SELECT bool_or(e.n > 1 AND (e.before IS DISTINCT FROM e.left_behind OR e.after IS NOT DISTINCT FROM e.first_before)),
           coalesce(unusual, false) OR own IS NOT NULL AND bool_or(e.inserts > 1)
      INTO several, unusual
      FROM (SELECT e.before, e.after, lag(e.after) OVER own_key AS left_behind, first_value(e.before) OVER own_key AS first_before,
                   row_number() OVER own_key AS n, count(*) FILTER (WHERE e.change IS NULL) OVER own_key AS inserts
              FROM (SELECT u.xid, u.kind, u.pk, u.n, u.before, u.change, CASE WHEN u.change = 'delete' THEN NULL ELSE u.payload END AS after
                      FROM unnest(xids, kinds, pks, payloads, befores, changes) WITH ORDINALITY AS u(xid, kind, pk, payload, before, change, n)) AS e
            WINDOW own_key AS (PARTITION BY e.xid, e.kind, e.pk ORDER BY e.n)) AS e;
  ELSIF is_changed THEN
    SELECT count(*) < cardinality(pks) INTO several FROM (SELECT DISTINCT hashtextextended(pk, 0) FROM unnest(pks) AS pk) AS k;
  END IF;
  IF several AND is_changed THEN
    places_in_order := public.audit_chain_causal_order(xids, kinds, pks, payloads, befores, changes);
    IF places_in_order IS NOT NULL THEN
      SELECT array_agg(e.place ORDER BY o.n), array_agg(e.kind ORDER BY o.n), array_agg(e.pk ORDER BY o.n), array_agg(e.payload ORDER BY o.n),
             array_agg(e.before ORDER BY o.n), array_agg(e.change ORDER BY o.n)
        INTO places, kinds, pks, payloads, befores, changes
        FROM unnest(places, kinds, pks, payloads, befores, changes) WITH ORDINALITY AS e(place, kind, pk, payload, before, change, n)
        JOIN unnest(places_in_order) WITH ORDINALITY AS o(number, n) ON o.number = e.n;
    END IF;
  END IF;
  IF unusual THEN
    NULL;
  ELSIF own IS NULL OR cardinality(places) >= few THEN
    BEGIN
      DELETE FROM public.audit_chain_pending AS p WHERE p.ctid = ANY (places);
      locked := public.audit_chain_lock_chain();
      size := public.audit_chain_extend(kinds, pks, payloads, befores, changes);
      RETURN cardinality(places);
    EXCEPTION WHEN unique_violation THEN
      unusual := true;
    END;
  END IF;

  IF unusual THEN
    WITH taken AS (
      SELECT p.id, p.op, p.event_kind, p.event_pk, p.payload_hash, p.before_hash, o.n
        FROM public.audit_chain_pending AS p JOIN unnest(places) WITH ORDINALITY AS o(place, n) ON o.place = p.ctid
       WHERE p.ctid = ANY (places)
    ), keyed AS MATERIALIZED (
      SELECT k.event_kind, public.audit_chain_keyed_since(k.event_kind) AS since FROM (SELECT DISTINCT t.event_kind FROM taken AS t) AS k
    ), placed AS (
      -- What the key's first event is: one that stands in the chain, or one further up in this batch.
      SELECT t.*,
             CASE WHEN c.seq > k.since THEN c.payload_hash
                  WHEN row_number() OVER same_key > 1 THEN first_value(t.payload_hash) OVER same_key
             END AS earlier_hash,
             -- It was another row's, when rows had other keys.
             c.seq <= k.since AS is_used
        FROM taken AS t JOIN keyed AS k ON k.event_kind = t.event_kind
        LEFT JOIN LATERAL (
          SELECT a.seq, a.payload_hash FROM public.audit_chain AS a WHERE a.event_kind = t.event_kind AND a.event_pk = t.event_pk OFFSET 0) AS c ON true
      WINDOW same_key AS (PARTITION BY t.event_kind, t.event_pk, t.op IN ('update', 'delete', 'retire', 'erase', 'restore') ORDER BY t.n)
    ), judged AS (
      SELECT p.*,
             CASE WHEN p.op IN ('update', 'delete', 'retire', 'erase', 'restore') THEN 'change'
                  -- The kind was free when the door was used, and belongs to a table since.
                  WHEN p.op = 'door' AND EXISTS (SELECT FROM public.audit_chain_relation AS r WHERE r.kind = p.event_kind) THEN 'taken'
                  WHEN p.earlier_hash IS NULL AND p.is_used THEN 'change'
                  WHEN p.earlier_hash IS NULL THEN 'new'
                  WHEN p.op = 'insert' THEN 'change'
                  -- A row that was retired or erased and is there again is none that its event stands for.
                  WHEN p.earlier_hash = p.payload_hash AND NOT EXISTS (
                    SELECT FROM public.audit_chain AS r
                     WHERE r.event_kind IN (concat(p.event_kind, ':retire'), concat(p.event_kind, ':erase')) AND r.event_pk > concat(p.event_pk, '@') COLLATE "C"
                       AND r.event_pk < concat(p.event_pk, 'A') COLLATE "C" AND r.event_pk = concat(p.event_pk, '@', r.seq)) THEN 'same'
                  ELSE 'conflict'
             END AS verdict
        FROM placed AS p
    ), linked AS (
      SELECT j.*, j.verdict IN ('new', 'change') AS linked FROM judged AS j
    )
    SELECT array_agg(j.event_kind ORDER BY j.n) FILTER (WHERE j.linked), array_agg(j.event_pk ORDER BY j.n) FILTER (WHERE j.linked),
           array_agg(j.payload_hash ORDER BY j.n) FILTER (WHERE j.linked),
           array_agg(j.before_hash ORDER BY j.n) FILTER (WHERE j.linked),
           array_agg(CASE WHEN j.verdict = 'change' THEN CASE j.op WHEN 'event' THEN 'insert' ELSE j.op END END ORDER BY j.n) FILTER (WHERE j.linked),
           array_agg(concat(j.verdict, ' ', j.id) ORDER BY j.n) FILTER (WHERE j.verdict IN ('taken', 'conflict'))
      INTO kinds, pks, payloads, befores, changes, odd
      FROM linked AS j;
  END IF;

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
  locked := public.audit_chain_lock_chain();
  IF kinds IS NOT NULL THEN
    size := public.audit_chain_extend(kinds, pks, payloads, befores, changes);
  END IF;
  RETURN cardinality(places);
END
$function$;
