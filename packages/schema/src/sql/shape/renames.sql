-- Columns of a relation that have another name than when they were configured: old name to new name. A column is known
-- by its number.
CREATE OR REPLACE FUNCTION public.audit_chain_renames(live public.audit_chain_relation) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT coalesce(jsonb_object_agg(e.key, a.attname::text), '{}')
    FROM jsonb_each_text(public.audit_chain_numbers(live)) AS e
    JOIN pg_attribute AS a ON a.attrelid = live.relid AND a.attnum = e.value::smallint AND NOT a.attisdropped AND a.attname::text <> e.key
$function$;
