-- What each event of a batch from the write-ahead log is, in the batch's order: `known` where the chain has it already or
-- nothing is to be recorded, else its role, NULL for a key's first event.
CREATE OR REPLACE FUNCTION public.audit_chain_judge(
  kinds text[], pks text[], payload_hashes bytea[], before_hashes bytea[], ops text[], OUT n bigint, OUT role text) RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $function$
  WITH keyed AS MATERIALIZED (
    SELECT k.kind, public.audit_chain_keyed_since(k.kind) AS since FROM (SELECT DISTINCT u.kind FROM unnest(kinds) AS u(kind)) AS k
  ), event AS (
    SELECT e.*, CASE WHEN e.op <> 'delete' THEN e.payload END AS after
      FROM unnest(kinds, pks, payload_hashes, before_hashes, ops) WITH ORDINALITY AS e(kind, pk, payload, before, op, n)
  ), placed AS (
    SELECT e.*, row_number() OVER own AS number, lag(e.after) OVER own AS after_before,
           coalesce(bool_or(e.op = 'insert') OVER (PARTITION BY e.kind, e.pk ORDER BY e.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS is_there
      FROM event AS e WINDOW own AS (PARTITION BY e.kind, e.pk ORDER BY e.n)
  )
  SELECT p.n,
         CASE p.op
           WHEN 'insert' THEN
             CASE WHEN NOT p.is_there AND NOT EXISTS (SELECT FROM public.audit_chain AS c WHERE c.event_kind = p.kind AND c.event_pk = p.pk) THEN NULL
                  WHEN CASE WHEN p.number > 1 THEN p.after_before ELSE public.audit_chain_newest_hash(p.kind, p.pk, k.since) END = p.payload THEN 'known'
                  ELSE 'insert' END
           WHEN 'delete' THEN
             CASE WHEN p.before IS NULL THEN 'known'
                  WHEN NOT p.is_there
                       AND (SELECT l.role IN ('retire', 'erase') AND l.payload_hash = p.before FROM public.audit_chain_newest(p.kind, p.pk, k.since) AS l) THEN 'known'
                  ELSE 'delete' END
           ELSE
             CASE WHEN p.before = p.payload THEN 'known'
                  WHEN p.number = 1
                       AND (SELECT l.role = 'restore' AND l.payload_hash = p.payload AND l.before_hash = p.before FROM public.audit_chain_newest(p.kind, p.pk, k.since) AS l) THEN 'known'
                  ELSE p.op END END
    FROM placed AS p JOIN keyed AS k ON k.kind = p.kind ORDER BY p.n
$function$;
