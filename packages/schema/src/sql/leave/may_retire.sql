-- Lets rows of a table go for the rest of the transaction, as far as the table's retention allows it: the part of
-- audit_chain_retire that needs our owner's rights. Whoever calls it by himself may delete what he could retire.
--
-- Returns for each row NULL where it is let go, else why not: `young`, or `different` where the row is not what its newest
-- event says. Who has changed a row past its trigger is not helped by it leaving.
CREATE OR REPLACE FUNCTION public.audit_chain_may_retire(relation regclass, before interval, pks text[], payload_hashes bytea[]) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config  public.audit_chain_config := public.audit_chain_attached(relation);
  since   bigint := public.audit_chain_keyed_since(config.kind);
  secret  bytea;
  -- In UTC, where each day has 24 hours.
  now     timestamp := clock_timestamp() AT TIME ZONE 'UTC';
  reasons text[];
BEGIN
  IF config.changes <> 'refuse' THEN
    RAISE EXCEPTION 'rows of % may be deleted, which is recorded', config.relation USING ERRCODE = 'AC002', HINT = 'Delete them, or drop their partitions: retiring is for tables that refuse changes.';
  ELSIF config.retention IS NULL THEN
    RAISE EXCEPTION 'rows of % have no retention', config.relation
      USING ERRCODE = 'AC002', HINT = 'Give the table one in audit.config.json, such as "retention": "P400D", and run audit-chain sync. The policy has to have it too.';
  ELSIF before IS NULL OR NOT now - before <= now - config.retention::interval THEN
    -- As times: an interval compares a month as 30 days.
    RAISE EXCEPTION 'rows of % are kept for %, so none can be retired before %', config.relation, config.retention, coalesce(before::text, 'no age')
      USING ERRCODE = 'AC004', HINT = 'Give an age of at least the retention.';
  END IF;
  IF config.blind_key THEN
    SELECT s.secret INTO secret FROM public.audit_chain_secret AS s WHERE s.event_kind = config.kind;
    SELECT array_agg(public.audit_chain_blind_key(secret, k.pk) ORDER BY k.n) INTO pks FROM unnest(pks) WITH ORDINALITY AS k(pk, n);
  END IF;
  SELECT array_agg(CASE WHEN c.changed_at IS NULL OR c.changed_at AT TIME ZONE 'UTC' >= now - before THEN 'young'
                        WHEN c.role IN ('delete', 'retire', 'erase') OR c.payload_hash IS DISTINCT FROM e.payload_hash THEN 'different' END ORDER BY e.n)
    INTO reasons
    FROM unnest(pks, payload_hashes) WITH ORDINALITY AS e(pk, payload_hash, n)
   CROSS JOIN LATERAL public.audit_chain_newest(config.kind, e.pk, since) AS c;
  INSERT INTO public.audit_chain_leaving (event_kind, event_pk, payload_hash, role)
  SELECT config.kind, e.pk, e.payload_hash, 'retire' FROM unnest(pks, payload_hashes, reasons) AS e(pk, payload_hash, reason) WHERE e.reason IS NULL
  ON CONFLICT DO NOTHING;
  RETURN reasons;
END
$function$;
