-- What the chain says of a key: the role of its newest event (NULL: the row's own), that event's hashes and seq, and when the
-- row was last changed. That its table was recorded anew, or it was put back, makes a row no younger. All NULL where there is
-- no event. Updates and deletes behind `refused_since` are passed over.
CREATE OR REPLACE FUNCTION public.audit_chain_newest(
  kind text, pk text, since bigint, refused_since bigint DEFAULT 9223372036854775807,
  OUT role text, OUT payload_hash bytea, OUT changed_at timestamptz, OUT seq bigint, OUT before_hash bytea)
LANGUAGE plpgsql STABLE
-- See audit_chain_link.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $function$
BEGIN
  SELECT (array_agg(e.role ORDER BY e.seq DESC))[1], (array_agg(e.payload_hash ORDER BY e.seq DESC))[1],
         coalesce(max(e.appended_at) FILTER (WHERE e.role IS NULL OR e.role NOT IN ('record', 'restore')), min(e.appended_at)),
         max(e.seq), (array_agg(e.before_hash ORDER BY e.seq DESC))[1]
    INTO role, payload_hash, changed_at, seq, before_hash
    FROM (SELECT NULL AS role, c.seq, c.payload_hash, c.before_hash, c.appended_at FROM public.audit_chain AS c WHERE c.event_kind = kind AND c.event_pk = pk
          UNION ALL
          -- Keys from pk@ up to pkA. Keys can contain an @ themselves: another row's changes are not this one's.
          SELECT r.name, c.seq, c.payload_hash, c.before_hash, c.appended_at
            FROM unnest(ARRAY['insert', 'update', 'delete', 'record', 'retire', 'erase', 'restore']) AS r(name)
           CROSS JOIN LATERAL (
             SELECT l.seq, l.payload_hash, l.before_hash, l.appended_at FROM public.audit_chain AS l
              WHERE l.event_kind = concat(kind, ':', r.name) AND l.event_pk > concat(pk, '@') COLLATE "C" AND l.event_pk < concat(pk, 'A') COLLATE "C"
                AND l.event_pk = concat(pk, '@', l.seq) OFFSET 0) AS c) AS e
   WHERE e.seq > since AND NOT (e.seq > refused_since AND e.role IS NOT NULL AND e.role IN ('update', 'delete'));
END
$function$;
