-- Reads one row of an audited table, or of one of its partitions, with the caller's rights: the table that it lies in and its
-- place there, and its payload hash as capture would make it. NULL where there is none.
CREATE OR REPLACE FUNCTION public.audit_chain_erasing_row(relation regclass, pk text, OUT part oid, OUT place tid, OUT payload_hash bytea)
LANGUAGE plpgsql STABLE
-- The texts are those of capture.
SET search_path = pg_catalog, pg_temp SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO' SET "IntervalStyle" = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = '1' SET lc_monetary = 'C' SET quote_all_identifiers = 'off'
SET row_security = off SET jit = off
AS $function$
BEGIN
  EXECUTE public.audit_chain_erasing_source(relation, pk) INTO part, place, payload_hash;
END
$function$;
