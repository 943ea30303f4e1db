-- Fills in what a change was not sent with: the row before, for which the newest event of its key is taken. So it is with
-- partitions that came since their table was attached, until sync has given them REPLICA IDENTITY FULL. A deletion has no
-- payload hash then either; where there is nothing to presume it gets one that stands for nothing, and audit_chain_judge
-- drops it.
CREATE OR REPLACE FUNCTION public.audit_chain_presume(
  kinds text[], pks text[], payload_hashes bytea[], before_hashes bytea[], ops text[], OUT payloads bytea[], OUT befores bytea[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $function$
  WITH event AS (
    SELECT e.*, row_number() OVER own AS number, lag(CASE WHEN e.op <> 'delete' THEN e.payload END) OVER own AS after_before
      FROM unnest(kinds, pks, payload_hashes, before_hashes, ops) WITH ORDINALITY AS e(kind, pk, payload, before, op, n)
    WINDOW own AS (PARTITION BY e.kind, e.pk ORDER BY e.n)
  ), keyed AS MATERIALIZED (
    SELECT k.kind, public.audit_chain_keyed_since(k.kind) AS since FROM (SELECT DISTINCT e.kind FROM event AS e) AS k
  ), presumed AS MATERIALIZED (
    SELECT e.n, e.payload,
           CASE WHEN e.op = 'insert' OR e.before IS NOT NULL THEN e.before
                WHEN e.number > 1 THEN e.after_before
                ELSE public.audit_chain_newest_hash(e.kind, e.pk, k.since) END AS before
      FROM event AS e JOIN keyed AS k ON k.kind = e.kind
  )
  SELECT array_agg(coalesce(p.payload, p.before, sha256(''::bytea)) ORDER BY p.n), array_agg(p.before ORDER BY p.n) FROM presumed AS p
$function$;
