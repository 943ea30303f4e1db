-- The same door for many events at once, in the order given; one row back for each.
CREATE OR REPLACE FUNCTION public.audit_chain_append_many(kinds text[], pks text[], payload_hashes bytea[]) RETURNS SETOF public.audit_chain
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  kind text;
BEGIN
  IF cardinality(kinds) <> cardinality(pks) OR cardinality(kinds) <> cardinality(payload_hashes) THEN
    RAISE EXCEPTION 'kinds, pks and payload_hashes must have the same number of elements, they have %, % and %',
      cardinality(kinds), cardinality(pks), cardinality(payload_hashes) USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM public.audit_chain_check_event(e.kind, e.pk, e.payload_hash) FROM unnest(kinds, pks, payload_hashes) AS e(kind, pk, payload_hash);
  PERFORM public.audit_chain_lock_chain();
  -- Under the lock: a table can be attached under one of the kinds while we wait.
  FOR kind IN SELECT DISTINCT k FROM unnest(kinds) AS k LOOP
    PERFORM public.audit_chain_check_kind(kind);
  END LOOP;
  INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash)
  SELECT 'strict', 'event', e.kind, e.pk, e.payload_hash
    FROM unnest(kinds, pks, payload_hashes) WITH ORDINALITY AS e(kind, pk, payload_hash, n) ORDER BY e.n;
  WHILE public.audit_chain_link(pg_current_xact_id(), 10000) > 0 LOOP
  END LOOP;
  RETURN QUERY
    SELECT c.* FROM unnest(kinds, pks) WITH ORDINALITY AS e(kind, pk, n)
      JOIN public.audit_chain AS c ON c.event_kind = e.kind AND c.event_pk = e.pk
     ORDER BY e.n;
END
$function$;
