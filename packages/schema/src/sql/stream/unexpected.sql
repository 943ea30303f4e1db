-- Which events of a batch from the write-ahead log do not go on from what the chain has: of a change, the row before is not
-- the one that was recorded last; where a row is inserted, there is one already. Somebody has changed the row by what the log
-- does not show, or has kept its changes from us. It is the verifier's `change_unrecorded`, at once.
--
-- `roles` are those that the events get; they are not linked yet. Returns an element for each event; NULL where none is so.
-- Nothing is said of a row that was recorded under another shape than its table has now: it is to be recorded anew.
CREATE OR REPLACE FUNCTION public.audit_chain_unexpected(
  kinds text[], pks text[], payload_hashes bytea[], before_hashes bytea[], roles text[]) RETURNS boolean[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $function$
  WITH event AS (
    SELECT e.*, row_number() OVER own AS number,
           lag(CASE WHEN e.role IS DISTINCT FROM 'delete' THEN e.payload END) OVER own AS after_before
      FROM unnest(kinds, pks, payload_hashes, before_hashes, roles) WITH ORDINALITY AS e(kind, pk, payload, before, role, n)
    WINDOW own AS (PARTITION BY e.kind, e.pk ORDER BY e.n)
  ), keyed AS MATERIALIZED (
    SELECT k.kind, public.audit_chain_keyed_since(k.kind) AS since FROM (SELECT DISTINCT e.kind FROM event AS e WHERE e.role IS NOT NULL) AS k
  ), odd AS MATERIALIZED (
    SELECT e.n, e.kind, e.pk, e.number
      FROM event AS e JOIN keyed AS k ON k.kind = e.kind
     WHERE e.role IS NOT NULL
       AND CASE WHEN e.role <> 'insert' THEN e.before END IS DISTINCT FROM
           CASE WHEN e.number > 1 THEN e.after_before ELSE public.audit_chain_newest_hash(e.kind, e.pk, k.since) END
  ), shape AS MATERIALIZED (
    SELECT k.kind, public.audit_chain_shaped_since(k.kind) AS since
      FROM (SELECT DISTINCT o.kind FROM odd AS o) AS k
      JOIN public.audit_chain_relation AS r ON r.kind = k.kind
     CROSS JOIN LATERAL (SELECT c.* FROM public.audit_chain_config AS c WHERE c.kind = k.kind ORDER BY c.id DESC LIMIT 1) AS g
     WHERE NOT public.audit_chain_types_changed(r.relid, g.columns, g.column_types)
       AND NOT EXISTS (
         SELECT FROM unnest(g.columns) AS u(name)
          WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = r.relid AND a.attname::text = u.name AND NOT a.attisdropped))
  ), judged AS (
    SELECT o.n
      FROM odd AS o JOIN shape AS s ON s.kind = o.kind
     WHERE o.number > 1 OR s.since = 0 OR (SELECT l.payload_hash IS NOT NULL FROM public.audit_chain_newest(o.kind, o.pk, s.since) AS l)
  )
  SELECT CASE WHEN EXISTS (SELECT FROM judged) THEN array_agg(j.n IS NOT NULL ORDER BY e.n) END
    FROM event AS e LEFT JOIN judged AS j ON j.n = e.n
$function$;
