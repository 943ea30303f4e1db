-- The columns of a relation that capture covers, in the order of the payload's members: all but the excluded and the
-- generated ones. A virtual generated column is NULL inside triggers, and a stored one can be recomputed by DDL.
CREATE OR REPLACE FUNCTION public.audit_chain_covered_columns(relation regclass, excluded text[]) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT coalesce(array_agg(a.attname::text ORDER BY public.audit_chain_utf16_order(a.attname::text) COLLATE "C"), '{}')
    FROM pg_attribute AS a
   WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attname::text <> ALL (excluded)
$function$;
