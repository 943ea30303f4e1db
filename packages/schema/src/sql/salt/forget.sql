-- Takes away the salt of a row that is gone, whatever it has left by: what was recorded of it cannot be held against anything
-- any more. Needs the right to read the table. Returns whether there was a salt.
--
-- The salt goes first: who puts the row back has locked it before, and the row is seen; or waits for it, and makes another one.
CREATE OR REPLACE FUNCTION public.audit_chain_forget(relation regclass, pk text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  part  regclass;
  place tid;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'forgetting needs a READ COMMITTED transaction, this one is %', upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Start the transaction with BEGIN ISOLATION LEVEL READ COMMITTED.';
  ELSIF NOT public.audit_chain_forget_salt(relation, pk) THEN
    RETURN false;
  END IF;
  FOR part IN SELECT relation UNION SELECT t.relid FROM pg_partition_tree(relation) AS t WHERE t.isleaf LOOP
    SELECT r.place INTO place FROM public.audit_chain_erasing_row(part, pk) AS r;
    IF place IS NOT NULL THEN
      RAISE EXCEPTION 'the row % of % is there', pk, relation USING ERRCODE = 'object_in_use', HINT = 'Erase it, or delete it where the table tracks changes.';
    END IF;
  END LOOP;
  RETURN true;
END
$function$;
