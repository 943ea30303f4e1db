-- The same event into pending, without any lock; it is linked at the next sealing.
CREATE OR REPLACE FUNCTION public.audit_chain_enqueue(kind text, pk text, payload_hash bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM public.audit_chain_check_event(kind, pk, payload_hash);
  PERFORM public.audit_chain_check_kind(kind);
  INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash)
  VALUES ('sealed', 'door', kind, pk, audit_chain_enqueue.payload_hash);
END
$function$;
