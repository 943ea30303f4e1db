-- Bounds of an event's labels and hash, checked when it is captured and not only at commit.
CREATE OR REPLACE FUNCTION public.audit_chain_check_event(kind text, pk text, payload_hash bytea) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF kind IS NULL OR kind = '' OR octet_length(convert_to(kind, 'UTF8')) > 200 THEN
    RAISE EXCEPTION 'the event kind must have 1 to 200 bytes, this one has %', coalesce(octet_length(convert_to(kind, 'UTF8'))::text, 'no value (NULL)')
      USING ERRCODE = 'AC005', HINT = 'Use a short name, such as the name of a table.';
  ELSIF position(':' IN kind) > 0 THEN
    RAISE EXCEPTION 'the event kind % has a colon, which stands before the role of an event of a table', quote_literal(kind)
      USING ERRCODE = 'AC003', HINT = 'Use another character, such as a dot.';
  ELSIF pk IS NULL OR octet_length(convert_to(pk, 'UTF8')) > 2000 THEN
    RAISE EXCEPTION 'the key of a % event must have at most 2000 bytes, this one has %', kind, coalesce(octet_length(convert_to(pk, 'UTF8'))::text, 'no value (NULL)')
      USING ERRCODE = 'AC005', HINT = 'Key the event by something shorter, such as an id or a digest.';
  ELSIF payload_hash IS NULL OR octet_length(payload_hash) <> 32 THEN
    RAISE EXCEPTION 'the payload hash of a % event must have 32 bytes (SHA-256), this one has %', kind, coalesce(octet_length(payload_hash)::text, 'no value (NULL)')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Hash the canonical JSON of the payload with SHA-256.';
  END IF;
END
$function$;
