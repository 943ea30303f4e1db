-- What a column's text depends on beside its value: the type and its parts. Those are the labels of an enum, the
-- attributes of a composite, and what domains, ranges and multiranges are made of. Recorded at attach, so that a later
-- change shows.
--
-- The verifier works the same text out from the catalog's rows (type-description.ts). So nothing in it may depend on
-- the server's version or on a function that somebody wrote. format_type calls the type's modifier output, and
-- therefore names only PostgreSQL's own types (oids below 10000). All others are named by schema and name in quotes,
-- and their modifier as its number.
CREATE OR REPLACE FUNCTION public.audit_chain_type_description(type oid, modifier integer) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
DECLARE
  t        pg_type;
  brackets text;
  name     text;
  inner_   text;
BEGIN
  SELECT * INTO t FROM pg_type AS p WHERE p.oid = type;
  IF EXISTS (SELECT FROM pg_type AS e WHERE e.oid = t.typelem AND e.typarray = type) THEN
    SELECT * INTO t FROM pg_type AS e WHERE e.oid = t.typelem;
    brackets := '[]';
  END IF;
  IF t.oid IS NULL OR t.oid < 10000 THEN
    name := format_type(coalesce(t.oid, type), modifier);
  ELSE
    SELECT concat(public.audit_chain_quoted(n.nspname::text), '.', public.audit_chain_quoted(t.typname::text), CASE WHEN modifier >= 0 THEN concat(' modifier ', modifier) END)
      INTO name FROM pg_namespace AS n WHERE n.oid = t.typnamespace;
  END IF;
  IF t.typtype = 'e' THEN
    SELECT concat('{', string_agg(quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder), '}') INTO inner_ FROM pg_enum AS e WHERE e.enumtypid = t.oid;
  ELSIF t.typtype = 'd' THEN
    inner_ := concat('=', public.audit_chain_type_description(t.typbasetype, t.typtypmod));
  ELSIF t.typtype = 'c' THEN
    SELECT concat('(', string_agg(concat(public.audit_chain_quoted(a.attname::text), ' ', public.audit_chain_type_description(a.atttypid, a.atttypmod)), ',' ORDER BY a.attnum), ')')
      INTO inner_ FROM pg_attribute AS a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped;
  ELSIF t.typtype IN ('r', 'm') THEN
    SELECT concat('=', public.audit_chain_type_description(CASE t.typtype WHEN 'r' THEN r.rngsubtype ELSE r.rngtypid END, -1))
      INTO inner_ FROM pg_range AS r WHERE t.oid IN (r.rngtypid, r.rngmultitypid);
  END IF;
  RETURN concat(name, brackets, inner_);
END
$function$;
