-- Records rows of an audited table anew, as they are covered now: the publisher's door. For each key it appends an event
-- of the role `record` with the payload hash of the row; its before_hash is the hash of the event that the row was
-- compared with. Keys are those of events, so blinded ones where the table's are.
--
-- `as_of` is the last link that the caller has seen. A key that has got a newer event since, or has one that waits to be
-- linked, is passed over, or what is older would stand behind what is newer. Returns the chain's new size, which is
-- `as_of` of the next call, how many rows were recorded, and all keys of the kind with a newer event: also keys that come
-- in a later call.
CREATE OR REPLACE FUNCTION public.audit_chain_record(
  kind text, pks text[], payload_hashes bytea[], before_hashes bytea[], as_of bigint,
  OUT size bigint, OUT recorded integer, OUT changed text[])
LANGUAGE plpgsql SECURITY DEFINER
-- See audit_chain_link: links are found by the index.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  config public.audit_chain_config;
  kinds  text[];
BEGIN
  IF cardinality(pks) <> cardinality(payload_hashes) OR cardinality(pks) <> cardinality(before_hashes) THEN
    RAISE EXCEPTION 'pks, payload_hashes and before_hashes must have the same number of elements, they have %, % and %',
      cardinality(pks), cardinality(payload_hashes), cardinality(before_hashes) USING ERRCODE = 'invalid_parameter_value';
  END IF;
  config := public.audit_chain_in_force(kind);
  IF config.id IS NULL OR config.action = 'detach' OR starts_with(kind, 'audit_chain') THEN
    RAISE EXCEPTION 'no table is attached under the kind %', quote_literal(kind) USING ERRCODE = 'AC002', HINT = 'Attach the table first.';
  END IF;
  kinds := array_fill(kind, ARRAY[cardinality(pks)]);
  PERFORM public.audit_chain_check_events(kinds, pks, payload_hashes);
  PERFORM public.audit_chain_lock_chain();
  -- Everything since `as_of`, by seq: among all of the kind's events, found by its index, a batch would take as long as what has
  -- been recorded already (100,000 rows: 15 us a row at first and 24 at last; this way 10 to 12 from first to last).
  SELECT coalesce(array_agg(DISTINCT CASE WHEN c.event_kind = kind THEN c.event_pk ELSE left(c.event_pk, -length(concat('@', c.seq))) END), '{}')
    INTO changed
    FROM (SELECT a.seq, a.event_kind, a.event_pk FROM public.audit_chain AS a WHERE a.seq > as_of ORDER BY a.seq OFFSET 0) AS c
   WHERE c.event_kind IN (kind, concat(kind, ':insert'), concat(kind, ':update'), concat(kind, ':delete'), concat(kind, ':record'), concat(kind, ':retire'), concat(kind, ':erase'), concat(kind, ':restore'));
  IF cardinality(changed) = 0 AND array_dims(pks) = array_dims(kinds) AND array_dims(payload_hashes) = array_dims(kinds)
     AND array_dims(before_hashes) = array_dims(kinds)
     AND NOT EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.event_kind = kind AND p.conflict IS NULL) THEN
    -- Nothing has happened to the table meanwhile: nearly always. To choose among the rows takes 4 us each.
    recorded := cardinality(pks);
  ELSE
    SELECT array_agg(e.pk ORDER BY e.n), array_agg(e.payload_hash ORDER BY e.n), array_agg(e.before_hash ORDER BY e.n)
      INTO pks, payload_hashes, before_hashes
      FROM unnest(pks, payload_hashes, before_hashes) WITH ORDINALITY AS e(pk, payload_hash, before_hash, n)
     WHERE e.pk NOT IN (SELECT k FROM unnest(changed) AS k)
       AND e.pk NOT IN (SELECT p.event_pk FROM public.audit_chain_pending AS p WHERE p.event_kind = kind AND p.conflict IS NULL);
    recorded := coalesce(cardinality(pks), 0);
  END IF;
  IF recorded = 0 THEN
    SELECT c.seq INTO size FROM public.audit_chain AS c ORDER BY c.seq DESC LIMIT 1;
    RETURN;
  END IF;
  size := public.audit_chain_extend(kinds[1:recorded], pks, payload_hashes, before_hashes, array_fill('record'::text, ARRAY[recorded]));
END
$function$;
