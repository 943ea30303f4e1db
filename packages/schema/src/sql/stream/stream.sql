-- The door of the mode `stream`: links a batch of what the write-ahead log has brought, in the log's order, together with
-- the position behind it. `before` is the id of the position that the batch goes on from; with any other, nothing is
-- linked: so each change is linked once, whatever happens to whom in between. Returns the seq of each event, negative
-- where it does not go on from what the chain has (audit_chain_unexpected), NULL for what is linked already, and the new
-- position's id as the last element.
--
-- `ops` are insert, update or delete. An insert of a key that has events is one of them; where the newest of these is the
-- same row, it is in the chain already (a backfill has been faster). A deletion for which a door has made its own event
-- is that one, and so is a change by which audit_chain_restore has put a row back. A change without its row of before comes from a partition that does not send it yet (audit_chain_presume).
CREATE OR REPLACE FUNCTION public.audit_chain_stream(
  before bigint, linked_to pg_lsn, within pg_lsn, changes integer,
  kinds text[], pks text[], payload_hashes bytea[], before_hashes bytea[], ops text[]) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER
-- See audit_chain_link and audit_chain_adopt.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  old   public.audit_chain_position;
  item  record;
  roles text[];
  seqs  bigint[] := '{}';
  size  bigint;
  odd   boolean[];
  n     CONSTANT integer := cardinality(kinds);
  is_plain boolean := true;
  has_restored boolean := false;
BEGIN
  PERFORM public.audit_chain_lock_chain();
  SELECT p.* INTO old FROM public.audit_chain_position AS p ORDER BY p.id DESC LIMIT 1;
  IF old.id IS DISTINCT FROM before OR old.id IS NULL THEN
    RAISE EXCEPTION 'the position % is not the newest', before USING ERRCODE = 'object_in_use', HINT = 'Another capture process is running. Let one run.';
  ELSIF old.system_identifier <> (SELECT c.system_identifier FROM pg_control_system() AS c)
     OR old.database <> (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()) THEN
    RAISE EXCEPTION 'the position is one of another server or database' USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Start the capture process again: it begins anew, and records the gap.';
  ELSIF linked_to < old.linked_to IS NOT FALSE THEN
    RAISE EXCEPTION 'the position % lies before %', linked_to, old.linked_to USING ERRCODE = 'invalid_parameter_value';
  ELSIF n > 0 THEN
    FOR item IN SELECT k.kind, c.mode, c.changes, c.blind_key, c.action
                  FROM (SELECT DISTINCT u.kind FROM unnest(kinds) AS u(kind)) AS k
                  LEFT JOIN LATERAL (SELECT g.* FROM public.audit_chain_config AS g WHERE g.kind = k.kind ORDER BY g.id DESC LIMIT 1) AS c ON true
    LOOP
      IF item.mode <> 'stream' IS NOT FALSE THEN
        RAISE EXCEPTION '% is no kind of a table in the mode stream', quote_literal(item.kind) USING ERRCODE = 'AC003', HINT = 'audit-chain status lists the tables that are.';
      END IF;
      IF item.blind_key THEN
        SELECT array_agg(CASE WHEN e.kind = item.kind THEN public.audit_chain_blind_key(s.secret, e.pk) ELSE e.pk END ORDER BY e.n) INTO pks
          FROM unnest(kinds, pks) WITH ORDINALITY AS e(kind, pk, n) LEFT JOIN public.audit_chain_secret AS s ON s.event_kind = e.kind;
      END IF;
      is_plain := is_plain AND NOT (item.changes = 'refuse' AND 'delete' = ANY (ops));
      has_restored := has_restored OR EXISTS (SELECT FROM public.audit_chain AS c WHERE c.event_kind = concat(item.kind, ':restore'))
                                   OR EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.event_kind = item.kind AND p.op = 'restore');
    END LOOP;
    IF array_remove(ops, 'insert') <> '{}' AND EXISTS (SELECT FROM unnest(ops, before_hashes) AS e(op, before) WHERE e.op <> 'insert' AND e.before IS NULL) THEN
      SELECT p.payloads, p.befores INTO payload_hashes, before_hashes FROM public.audit_chain_presume(kinds, pks, payload_hashes, before_hashes, ops) AS p;
      is_plain := false;
    END IF;
    IF has_restored THEN
      is_plain := is_plain AND NOT EXISTS (
        SELECT FROM public.audit_chain_pending AS p WHERE p.op = 'restore' AND p.event_kind = ANY (kinds)
        UNION ALL
        SELECT FROM unnest(kinds, pks) AS e(kind, pk) CROSS JOIN LATERAL (
          SELECT FROM public.audit_chain AS c
           WHERE c.event_kind = concat(e.kind, ':restore') AND c.event_pk > concat(e.pk, '@') COLLATE "C" AND c.event_pk < concat(e.pk, 'A') COLLATE "C" LIMIT 1) AS r);
    END IF;
    PERFORM public.audit_chain_check_events(kinds, pks, payload_hashes);
    roles := array_replace(ops, 'insert', NULL);
    IF is_plain THEN
      BEGIN
        odd := CASE WHEN array_remove(roles, NULL) <> '{}' THEN public.audit_chain_unexpected(kinds, pks, payload_hashes, before_hashes, roles) END;
        size := public.audit_chain_extend(kinds, pks, payload_hashes, before_hashes, roles);
        seqs := ARRAY(SELECT CASE WHEN odd[s.place] THEN -(size - n + s.place) ELSE size - n + s.place END FROM generate_series(1, n) AS s(place));
      EXCEPTION WHEN unique_violation THEN
        is_plain := false;
      END;
    END IF;
    IF NOT is_plain THEN
      -- A door's own event comes before what the log has behind it.
      IF EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.op IN ('retire', 'erase', 'restore') AND p.event_kind = ANY (kinds) AND p.conflict IS NULL) THEN
        PERFORM public.audit_chain_link_all();
      END IF;
      SELECT array_agg(j.role ORDER BY j.n), array_agg(CASE WHEN j.role IS DISTINCT FROM 'known' THEN j.n END ORDER BY j.n)
        INTO roles, seqs
        FROM public.audit_chain_judge(kinds, pks, payload_hashes, before_hashes, ops) AS j;
      SELECT array_agg(e.kind ORDER BY e.n), array_agg(e.pk ORDER BY e.n), array_agg(e.payload ORDER BY e.n), array_agg(e.before ORDER BY e.n), array_agg(e.role ORDER BY e.n)
        INTO kinds, pks, payload_hashes, before_hashes, roles
        FROM unnest(kinds, pks, payload_hashes, before_hashes, roles, seqs) WITH ORDINALITY AS e(kind, pk, payload, before, role, place, n)
       WHERE e.place IS NOT NULL;
      IF kinds IS NOT NULL THEN
        odd := CASE WHEN array_remove(roles, NULL) <> '{}' THEN public.audit_chain_unexpected(kinds, pks, payload_hashes, before_hashes, roles) END;
        size := public.audit_chain_extend(kinds, pks, payload_hashes, before_hashes, roles);
        SELECT array_agg(CASE WHEN s.place IS NOT NULL THEN (size - cardinality(kinds) + s.number) * CASE WHEN odd[s.number] THEN -1 ELSE 1 END END ORDER BY s.n) INTO seqs
          FROM (SELECT u.place, u.n, count(u.place) OVER (ORDER BY u.n) AS number FROM unnest(seqs) WITH ORDINALITY AS u(place, n)) AS s;
      END IF;
    END IF;
  END IF;
  RETURN seqs || public.audit_chain_put_position(before, old.slot, old.publications, linked_to, within, changes);
END
$function$;
