-- Whether a recorded column's type is another now.
CREATE OR REPLACE FUNCTION public.audit_chain_types_changed(relation regclass, columns text[], column_types text[]) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT EXISTS (
    SELECT FROM unnest(columns, column_types) AS c(name, type)
      JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname::text = c.name AND NOT a.attisdropped
     WHERE public.audit_chain_type_description(a.atttypid, a.atttypmod) <> c.type)
$function$;
