-- The same for many events: only those that are out of bounds are looked at one by one.
CREATE OR REPLACE FUNCTION public.audit_chain_check_events(kinds text[], pks text[], payload_hashes bytea[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM public.audit_chain_check_event(e.kind, e.pk, e.payload_hash)
     FROM unnest(kinds, pks, payload_hashes) AS e(kind, pk, payload_hash)
    WHERE (position(':' IN e.kind) = 0 AND octet_length(convert_to(e.kind, 'UTF8')) BETWEEN 1 AND 200 AND octet_length(convert_to(e.pk, 'UTF8')) <= 2000
           AND octet_length(e.payload_hash) = 32) IS NOT TRUE;
END
$function$;
