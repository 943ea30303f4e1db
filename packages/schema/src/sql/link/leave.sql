-- Leaves to the sealer what a transaction has staged in strict tables and cannot link, unless one of the tables was
-- attached with the fallback `fail`.
CREATE OR REPLACE FUNCTION public.audit_chain_leave(own xid8, reason text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  refused text;
BEGIN
  SELECT k.kind INTO refused
    FROM (SELECT DISTINCT p.event_kind AS kind FROM public.audit_chain_pending AS p WHERE p.xid = own AND p.mode = 'strict') AS k
   WHERE (SELECT c.fallback FROM public.audit_chain_config AS c WHERE c.kind = k.kind ORDER BY c.id DESC LIMIT 1) = 'fail'
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'a % event cannot be linked in its transaction: %', refused, reason
      USING ERRCODE = 'lock_not_available',
            HINT = 'Repeat the transaction; audit-chain status says who holds the lock. Attached with the fallback pending, the sealer would link it later.';
  END IF;
  UPDATE public.audit_chain_pending AS p SET mode = 'late' WHERE p.xid = own AND p.mode = 'strict';
END
$function$;
