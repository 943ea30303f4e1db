-- Whether a row that can be seen was written by the transaction that asks, a subtransaction of it included. Of what can be
-- seen nothing else is in progress.
--
-- `xmin` has the low half of a transaction's number, also of rows that were frozen long ago. Subtransactions have numbers
-- a little above their transaction's; one that lies there by chance may be none that has been yet.
CREATE OR REPLACE FUNCTION public.audit_chain_is_own(writer xid) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  own   CONSTANT bigint := pg_current_xact_id()::text::bigint;
  above CONSTANT bigint := (writer::text::bigint - own % 4294967296 + 4294967296) % 4294967296;
BEGIN
  IF above = 0 OR above > 1048576 THEN
    RETURN above = 0;
  END IF;
  RETURN coalesce(pg_xact_status((own + above)::text::xid8) = 'in progress', false);
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN false;
END
$function$;
