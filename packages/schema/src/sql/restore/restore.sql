-- Puts a row of an audited table back, that was changed or deleted past its trigger: `brought`, a JSON object of its columns,
-- from a backup. Only if the row then hashes to what its newest event says, since the chain keeps no values. Records an event
-- of the role `restore`. Needs the rights to read and to write the table. Returns the table's kind, the event whose row it is,
-- and the payload hashes of the row and of what was there before (NULL: no row).
--
-- The table's own triggers run in here: see audit_chain_retire. The row is judged as they leave it.
CREATE OR REPLACE FUNCTION public.audit_chain_restore(relation regclass, pk text, brought json, OUT kind text, OUT seq bigint, OUT payload_hash bytea, OUT before_hash bytea)
LANGUAGE plpgsql
AS $function$
DECLARE
  whole     regclass := public.audit_chain_whole(relation);
  part      oid;
  place     tid;
  statement text;
  rows      integer;
BEGIN
  SELECT r.part, r.place, r.payload_hash INTO part, place, before_hash FROM public.audit_chain_erasing_row(whole, pk) AS r;
  IF place IS NOT NULL AND before_hash IS NULL THEN
    RAISE EXCEPTION 'the salt of the row % of % is gone: nothing shows what was recorded of it', pk, whole USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Put it back into public.audit_chain_salt from a backup first.';
  END IF;
  SELECT m.statement, m.recorded INTO statement, payload_hash FROM public.audit_chain_may_restore(whole, pk, before_hash, brought) AS m;
  EXECUTE statement USING place, part;
  GET DIAGNOSTICS rows = ROW_COUNT;
  IF rows OPERATOR(pg_catalog.<>) 1 THEN
    RAISE EXCEPTION 'the row % of % was not put back: a trigger or a rule of the table has kept it away, or somebody has changed it meanwhile', pk, whole USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  SELECT r.payload_hash INTO payload_hash FROM public.audit_chain_erasing_row(whole, pk) AS r;
  SELECT r.kind, r.seq INTO kind, seq FROM public.audit_chain_restored(whole, pk, before_hash, payload_hash) AS r;
END
$function$;
