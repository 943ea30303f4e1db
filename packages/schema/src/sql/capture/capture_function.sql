-- Creates or replaces a table's capture function. Nobody may call it or put it on a trigger, but for partitions
-- (audit_chain_capture_open).
CREATE OR REPLACE FUNCTION public.audit_chain_capture_function(
  kind text, relation text, key_columns text[], columns text[], members text[], absent jsonb, changes text, mode text, row_wise boolean, blind_key boolean, salt boolean) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  name text := public.audit_chain_capture_name(kind);
BEGIN
  EXECUTE format(
    'CREATE OR REPLACE FUNCTION public.%I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER'
    ' SET search_path = pg_catalog, pg_temp SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'' SET "IntervalStyle" = ''postgres'''
    ' SET bytea_output = ''hex'' SET extra_float_digits = ''1'' SET lc_monetary = ''C'' SET quote_all_identifiers = ''off'' AS %L',
    name, public.audit_chain_capture_source(kind, relation, key_columns, columns, members, absent, changes, mode, row_wise, blind_key, salt));
  EXECUTE format('REVOKE ALL ON FUNCTION public.%I() FROM PUBLIC', name);
  EXECUTE format('COMMENT ON FUNCTION public.%I() IS %L', name, concat('audit chain: capture of ', relation, ' under the kind ', kind));
  RETURN name;
END
$function$;
