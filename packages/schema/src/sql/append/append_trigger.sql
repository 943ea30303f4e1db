-- For hand-written triggers: AFTER INSERT ... FOR EACH ROW EXECUTE FUNCTION audit_chain_append('kind') does the work of
-- attach's own trigger on a table that is attached, and fails on one that is not. Where attach's own trigger is there
-- and enabled, the row has been staged already.
CREATE OR REPLACE FUNCTION public.audit_chain_append() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO' SET "IntervalStyle" = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = '1' SET lc_monetary = 'C' SET quote_all_identifiers = 'off'
AS $function$
DECLARE
  config public.audit_chain_config;
  event  record;
BEGIN
  config := public.audit_chain_in_force((SELECT r.kind FROM public.audit_chain_relation AS r
    WHERE r.relid IN (TG_RELID, pg_partition_root(TG_RELID)) ORDER BY r.relid = TG_RELID DESC LIMIT 1));
  IF config.id IS NULL OR config.action = 'detach' OR TG_NARGS > 0 AND config.kind <> TG_ARGV[0] THEN
    RAISE EXCEPTION '%.% is not configured for the audit chain%', quote_ident(TG_TABLE_SCHEMA), quote_ident(TG_TABLE_NAME),
        CASE WHEN TG_NARGS > 0 THEN concat(' under the kind ', quote_literal(TG_ARGV[0])) END
      USING ERRCODE = 'AC002', HINT = format('Run: audit-chain attach %I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  ELSIF TG_OP <> 'INSERT' OR TG_LEVEL <> 'ROW' OR TG_WHEN <> 'AFTER' THEN
    RAISE EXCEPTION 'audit_chain_append() is for AFTER INSERT FOR EACH ROW triggers'
      USING ERRCODE = 'AC002', HINT = format('Run: audit-chain attach %I.%I, which makes all the triggers', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  ELSIF EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = TG_RELID AND g.tgname IN ('audit_chain_capture', '0_audit_chain_track')
           AND g.tgenabled IN ('A', CASE current_setting('session_replication_role') WHEN 'replica' THEN 'R' ELSE 'O' END)) THEN
    RETURN NULL;
  END IF;
  event := public.audit_chain_odd_row(config.kind, TG_RELID, concat(NEW));
  event.pk := public.audit_chain_odd_key(config.kind, event.pk);
  IF config.blind_key THEN
    event.pk := public.audit_chain_blind_key((SELECT s.secret FROM public.audit_chain_secret AS s WHERE s.event_kind = config.kind), event.pk);
  END IF;
  INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash)
  VALUES (config.mode, CASE config.changes WHEN 'track' THEN 'insert' ELSE 'event' END, config.kind, event.pk,
          CASE WHEN config.salt THEN public.audit_chain_salted(config.kind, event.pk, event.payload) ELSE sha256(convert_to(event.payload, 'UTF8')) END);
  IF config.mode = 'strict' THEN
    INSERT INTO public.audit_chain_ticket DEFAULT VALUES ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END
$function$;
