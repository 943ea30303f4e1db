-- What the chain says of a key: the role of its newest event (NULL: the row's own), that event's payload hash, and when the
-- row was last changed. That its table was recorded anew makes a row no younger. All NULL where there is no event.
CREATE OR REPLACE FUNCTION public.audit_chain_newest(
  kind text, pk text, since bigint, OUT role text, OUT payload_hash bytea, OUT changed_at timestamptz)
LANGUAGE plpgsql STABLE
-- See audit_chain_link.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $function$
BEGIN
  SELECT (array_agg(e.role ORDER BY e.seq DESC))[1], (array_agg(e.payload_hash ORDER BY e.seq DESC))[1],
         coalesce(max(e.appended_at) FILTER (WHERE e.role IS DISTINCT FROM 'record'), min(e.appended_at))
    INTO role, payload_hash, changed_at
    FROM (SELECT NULL AS role, c.seq, c.payload_hash, c.appended_at FROM public.audit_chain AS c WHERE c.event_kind = kind AND c.event_pk = pk
          UNION ALL
          -- Keys from pk@ up to pkA. Keys can contain an @ themselves: another row's changes are not this one's.
          SELECT r.name, c.seq, c.payload_hash, c.appended_at
            FROM unnest(ARRAY['insert', 'update', 'delete', 'record', 'retire', 'erase']) AS r(name)
           CROSS JOIN LATERAL (
             SELECT l.seq, l.payload_hash, l.appended_at FROM public.audit_chain AS l
              WHERE l.event_kind = concat(kind, ':', r.name) AND l.event_pk > concat(pk, '@') COLLATE "C" AND l.event_pk < concat(pk, 'A') COLLATE "C"
                AND l.event_pk = concat(pk, '@', l.seq) OFFSET 0) AS c) AS e
   WHERE e.seq > since;
END
$function$;
