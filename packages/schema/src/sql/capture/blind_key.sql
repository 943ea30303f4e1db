-- Blinded form of a row's key: the lower-case hex of HMAC-SHA256 (RFC 2104) under the table's secret of 32 bytes. Nothing
-- but sha256() is needed. Every name is qualified instead of a search_path of its own, which costs 5 us a row.
CREATE OR REPLACE FUNCTION public.audit_chain_blind_key(secret bytea, key_text text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
AS $function$
DECLARE
  -- Filled up with zeros to a block of SHA-256, as bits, which are the only bytes that SQL can XOR.
  block bit(512);
BEGIN
  IF secret IS NULL OR pg_catalog.octet_length(secret) OPERATOR(pg_catalog.<>) 32 THEN
    RAISE EXCEPTION 'the secret of the table''s keys is missing from public.audit_chain_secret'
      USING ERRCODE = 'AC002', HINT = 'Put it back from a backup: without it the table''s events cannot be found any more.';
  END IF;
  block := pg_catalog.concat('x', pg_catalog.encode(secret, 'hex'), pg_catalog.repeat('0', 64))::pg_catalog.bit(512);
  -- bit_send puts the number of bits before them, in 4 bytes.
  RETURN pg_catalog.encode(pg_catalog.sha256(
    pg_catalog.substr(pg_catalog.bit_send(block OPERATOR(pg_catalog.#) pg_catalog.concat('x', pg_catalog.repeat('5c', 64))::pg_catalog.bit(512)), 5)
    OPERATOR(pg_catalog.||) pg_catalog.sha256(
      pg_catalog.substr(pg_catalog.bit_send(block OPERATOR(pg_catalog.#) pg_catalog.concat('x', pg_catalog.repeat('36', 64))::pg_catalog.bit(512)), 5)
      OPERATOR(pg_catalog.||) pg_catalog.convert_to(key_text, 'UTF8'))), 'hex');
END
$function$;
