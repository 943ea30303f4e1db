-- Reads a part of a table that refuses changes, or of one of its partitions, with the caller's rights: places, keys, and
-- payload hashes as capture would make them, of at most `max_rows` rows behind the place `after`, in the order in which they
-- lie there. `next` is the last place; NULL at the end.
CREATE OR REPLACE FUNCTION public.audit_chain_leaving_rows(
  relation regclass, max_rows integer, after tid, OUT places tid[], OUT pks text[], OUT payload_hashes bytea[], OUT next tid)
LANGUAGE plpgsql STABLE
-- The texts are those of capture. Rows come in their order from a scan by places and from no other.
SET search_path = pg_catalog, pg_temp SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO' SET "IntervalStyle" = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = '1' SET lc_monetary = 'C' SET quote_all_identifiers = 'off'
SET row_security = off SET enable_seqscan = off SET synchronize_seqscans = off SET max_parallel_workers_per_gather = 0 SET jit = off
AS $function$
BEGIN
  EXECUTE public.audit_chain_leaving_source(relation) INTO places, pks, payload_hashes, next USING after, max_rows;
  IF places IS NULL OR cardinality(places) < max_rows THEN
    next := NULL;
  END IF;
END
$function$;
