-- The same for many events: only those that are out of bounds are looked at one by one.
CREATE OR REPLACE FUNCTION public.audit_chain_check_events(kinds text[], pks text[], payload_hashes bytea[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM public.audit_chain_check_event(e.kind, e.pk, e.payload_hash)
     FROM (SELECT unnest(kinds) AS kind, unnest(pks) AS pk, unnest(payload_hashes) AS payload_hash OFFSET 0) AS e
    -- In no encoding does a byte become more than four.
    WHERE (position(':' IN e.kind) = 0 AND octet_length(e.kind) BETWEEN 1 AND 50 AND octet_length(e.pk) <= 500 AND octet_length(e.payload_hash) = 32) IS NOT TRUE;
END
$function$;
