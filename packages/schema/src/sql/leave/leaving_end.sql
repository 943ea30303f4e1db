-- Deferred trigger of audit_chain_leaving: what nobody has deleted in this transaction is let go no longer.
CREATE OR REPLACE FUNCTION public.audit_chain_leaving_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  DELETE FROM public.audit_chain_leaving AS l WHERE l.xid = NEW.xid AND l.event_kind = NEW.event_kind AND l.event_pk = NEW.event_pk;
  RETURN NULL;
END
$function$;
