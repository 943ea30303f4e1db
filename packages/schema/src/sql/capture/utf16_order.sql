-- Sort key of a member name in RFC 8785's order: its UTF-16 code units in hex. COLLATE "C" differs beyond the BMP.
CREATE OR REPLACE FUNCTION public.audit_chain_utf16_order(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  units text := '';
  point integer;
BEGIN
  FOR position IN 1 .. char_length(name) LOOP
    point := ascii(substr(name, position, 1));
    IF point < 65536 THEN
      units := units || lpad(to_hex(point), 4, '0');
    ELSE
      units := units || to_hex(55296 + (point - 65536) / 1024) || to_hex(56320 + (point - 65536) % 1024);
    END IF;
  END LOOP;
  RETURN units;
END
$function$;
