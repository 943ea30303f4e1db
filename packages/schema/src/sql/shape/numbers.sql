-- The numbers of an attached table's columns, by the names under which they were configured. A dump and a restore give a
-- table another oid, and its columns other numbers where some had been dropped: then names are all there is.
CREATE OR REPLACE FUNCTION public.audit_chain_numbers(live public.audit_chain_relation) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT CASE WHEN live.numbered_for = live.relid::oid THEN live.column_numbers::jsonb
              ELSE (SELECT coalesce(jsonb_object_agg(e.key, a.attnum), '{}')
                      FROM jsonb_each(live.column_numbers::jsonb) AS e
                      JOIN pg_attribute AS a ON a.attrelid = live.relid AND a.attname::text = e.key AND a.attnum > 0 AND NOT a.attisdropped) END
$function$;
