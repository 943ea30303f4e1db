-- The statement by which audit_chain_retire reads a part of a table, in the order in which rows lie there: places, keys
-- and payload hashes as capture would make them, and the last place. $1 is the place behind which it begins, $2 how many.
CREATE OR REPLACE FUNCTION public.audit_chain_leaving_source(relation regclass) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
BEGIN
  RETURN format(E'SELECT array_agg(source.audit_chain_place), array_agg(event.pk), array_agg(%s), max(source.audit_chain_place)\n  FROM %s',
    -- A call for each row, where there is anything to be looked up.
    CASE WHEN config.salt THEN format('public.audit_chain_row_hash(%s::oid::regclass, event.pk, event.payload)', relation::oid) ELSE 'sha256(convert_to(event.payload, ''UTF8''))' END,
    public.audit_chain_row_source(format('(SELECT t.ctid AS audit_chain_place, t.* FROM ONLY %s AS t WHERE t.ctid > $1 LIMIT $2)', relation),
      config.key_columns, config.columns, config.members, config.absent));
END
$function$;
