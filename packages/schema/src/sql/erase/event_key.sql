-- A row's key as its events have it: where keys are blinded, under the table's secret.
CREATE OR REPLACE FUNCTION public.audit_chain_event_key(config public.audit_chain_config, pk text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF NOT config.blind_key THEN
    RETURN pk;
  END IF;
  RETURN (SELECT public.audit_chain_blind_key(s.secret, pk) FROM public.audit_chain_secret AS s WHERE s.event_kind = config.kind);
END
$function$;
