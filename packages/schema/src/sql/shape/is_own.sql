-- Whether a row that can be seen was written by the transaction that asks, a subtransaction of it included.
CREATE OR REPLACE FUNCTION public.audit_chain_is_own(writer xid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  -- Of what can be seen nothing else is in progress. Numbers below 3 are no transactions; frozen rows have an age of 2^31 - 1.
  SELECT writer::text::bigint > 2 AND age(writer) < 2147483647
     AND coalesce(pg_xact_status((pg_current_xact_id()::text::bigint - age(writer))::text::xid8) = 'in progress', false)
$function$;
