-- Payload hash of one row, for the doors through which rows leave: salted where the table's payloads are. `pk` is the row's own
-- key. NULL where its salt is gone: then nothing shows that it is what was recorded.
CREATE OR REPLACE FUNCTION public.audit_chain_row_hash(relation regclass, pk text, payload text) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
BEGIN
  IF NOT config.salt THEN
    RETURN sha256(convert_to(payload, 'UTF8'));
  END IF;
  RETURN (SELECT sha256(s.salt || convert_to(payload, 'UTF8')) FROM public.audit_chain_salt AS s
           WHERE s.event_kind = config.kind AND s.event_pk = public.audit_chain_event_key(config, pk));
END
$function$;
