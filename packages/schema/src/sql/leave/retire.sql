-- Deletes rows of a table that refuses changes, or of one of its partitions, once they are older than its retention and
-- than `before`: the newest event of each counts. Each becomes an event of the role `retire`. Needs the rights to read the
-- table and to delete from it.
--
-- Looks at no more than `max_rows` rows, in the order in which they lie there, behind the place `after`. Returns how many were
-- retired, how many are old enough but not what was recorded, and the `after` of the next call: NULL at the end.
--
-- The table's own triggers run in here: with the caller's rights and with his settings, so there are none of ours, and
-- whatever is called is qualified.
CREATE OR REPLACE FUNCTION public.audit_chain_retire(
  relation regclass, before interval, max_rows integer DEFAULT 1000, after tid DEFAULT '(0,0)',
  OUT retired integer, OUT different integer, OUT next tid)
LANGUAGE plpgsql
AS $function$
DECLARE
  places  tid[];
  pks     text[];
  hashes  bytea[];
  reasons text[];
BEGIN
  IF (SELECT c.relkind OPERATOR(pg_catalog.=) 'p' FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) relation) THEN
    RAISE EXCEPTION '% is partitioned', relation USING ERRCODE = 'wrong_object_type', HINT = 'Retire rows of its partitions, or drop these; audit-chain retire goes through all of them.';
  END IF;
  SELECT r.places, r.pks, r.payload_hashes, r.next INTO places, pks, hashes, next FROM public.audit_chain_leaving_rows(relation, max_rows, after) AS r;
  -- Asked for no rows too: what may not be is then said of an empty table as of any other.
  reasons := public.audit_chain_may_retire(relation, before, coalesce(pks, '{}'), coalesce(hashes, '{}'));
  SELECT pg_catalog.array_agg(e.place) FILTER (WHERE e.reason IS NULL), pg_catalog.count(e.reason) FILTER (WHERE e.reason OPERATOR(pg_catalog.=) 'different')
    INTO places, different FROM ROWS FROM (pg_catalog.unnest(places), pg_catalog.unnest(reasons)) AS e(place, reason);
  retired := 0;
  IF places IS NOT NULL THEN
    EXECUTE pg_catalog.format('DELETE FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.=) ANY ($1)', relation) USING places;
    GET DIAGNOSTICS retired = ROW_COUNT;
  END IF;
END
$function$;
