-- Deferred trigger of the ticket: links what this transaction has staged, at its commit.
CREATE OR REPLACE FUNCTION public.audit_chain_commit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  WHILE public.audit_chain_link(NEW.xid, 10000) > 0 LOOP
  END LOOP;
  DELETE FROM public.audit_chain_ticket AS t WHERE t.xid = NEW.xid;
  RETURN NULL;
END
$function$;
