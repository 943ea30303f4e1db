-- The key of a row that has none, or one that is too long: an error, while the row is being written and not only when its
-- transaction commits.
CREATE OR REPLACE FUNCTION public.audit_chain_odd_key(kind text, pk text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF pk IS NULL OR octet_length(convert_to(pk, 'UTF8')) > 2000 THEN
    RAISE EXCEPTION 'the key of a row of % must have at most 2000 bytes, this one has %', kind, coalesce(octet_length(convert_to(pk, 'UTF8'))::text, 'no value (NULL)')
      USING ERRCODE = 'AC005',
            HINT = 'If a key column was dropped, run audit-chain sync for the table. Else attach it with a shorter key (--key).';
  END IF;
  RETURN pk;
END
$function$;
