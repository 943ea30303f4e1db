-- Deferred trigger of the ticket: links what this transaction has staged, at its commit.
CREATE OR REPLACE FUNCTION public.audit_chain_commit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $function$
BEGIN
  DELETE FROM public.audit_chain_ticket AS t WHERE t.xid = NEW.xid;
  LOOP
    EXIT WHEN public.audit_chain_link(NEW.xid, 10000) < 10000;
  END LOOP;
  RETURN NULL;
END
$function$;
