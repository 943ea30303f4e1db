-- What a column's text depends on beside its value: the type, and for enums their labels, for composites their
-- attributes, for domains, arrays and ranges what they are made of. Recorded at attach, so that a later change shows.
CREATE OR REPLACE FUNCTION public.audit_chain_type_description(type oid, modifier integer) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
DECLARE
  t      pg_type;
  inner_ text;
BEGIN
  SELECT * INTO t FROM pg_type AS p WHERE p.oid = type;
  IF t.typtype = 'e' THEN
    SELECT concat('{', string_agg(quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder), '}') INTO inner_ FROM pg_enum AS e WHERE e.enumtypid = type;
  ELSIF t.typtype = 'd' THEN
    inner_ := concat('=', public.audit_chain_type_description(t.typbasetype, t.typtypmod));
  ELSIF t.typtype = 'c' THEN
    SELECT concat('(', string_agg(concat(quote_ident(a.attname), ' ', public.audit_chain_type_description(a.atttypid, a.atttypmod)), ',' ORDER BY a.attnum), ')')
      INTO inner_ FROM pg_attribute AS a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped;
  ELSIF t.typcategory = 'A' AND t.typelem <> 0 THEN
    SELECT CASE WHEN e.typtype IN ('e', 'd', 'c') THEN concat('=', public.audit_chain_type_description(t.typelem, modifier), '[]') END
      INTO inner_ FROM pg_type AS e WHERE e.oid = t.typelem;
  ELSIF t.typtype = 'r' THEN
    SELECT CASE WHEN e.typtype IN ('e', 'd', 'c') THEN concat('=', public.audit_chain_type_description(r.rngsubtype, -1)) END
      INTO inner_ FROM pg_range AS r JOIN pg_type AS e ON e.oid = r.rngsubtype WHERE r.rngtypid = type;
  END IF;
  RETURN concat(format_type(type, modifier), inner_);
END
$function$;
