-- Deletes one row of a table that refuses changes, or of one of its partitions, and records an event of the role `erase`.
-- Needs the rights to read the table and to delete from it. Returns whether the row was there.
--
-- The table's own triggers run in here: see audit_chain_retire.
CREATE OR REPLACE FUNCTION public.audit_chain_erase(relation regclass, pk text) RETURNS boolean
LANGUAGE plpgsql
AS $function$
DECLARE
  place tid;
  hash  bytea;
  rows  integer;
BEGIN
  IF (SELECT c.relkind OPERATOR(pg_catalog.=) 'p' FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) relation) THEN
    RAISE EXCEPTION '% is partitioned', relation USING ERRCODE = 'wrong_object_type', HINT = 'Name the partition that has the row; audit-chain erase looks through all of them.';
  END IF;
  SELECT r.place, r.payload_hash INTO place, hash FROM public.audit_chain_erasing_row(relation, pk) AS r;
  IF place IS NULL THEN
    RETURN false;
  END IF;
  PERFORM public.audit_chain_may_erase(relation, pk, hash);
  EXECUTE pg_catalog.format('DELETE FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.=) $1', relation) USING place;
  GET DIAGNOSTICS rows = ROW_COUNT;
  IF rows OPERATOR(pg_catalog.<>) 1 THEN
    RAISE EXCEPTION 'the row % of % was not deleted: a trigger or a rule of the table has kept it, or somebody has changed it meanwhile', pk, relation USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  RETURN true;
END
$function$;
