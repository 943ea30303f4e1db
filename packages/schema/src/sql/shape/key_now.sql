-- The key of a relation's rows: the columns given, as long as they are one, else its primary key; NULL where there is none.
CREATE OR REPLACE FUNCTION public.audit_chain_key_now(relation regclass, key text[]) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN public.audit_chain_key_columns(relation, key);
EXCEPTION WHEN SQLSTATE 'AC005' THEN
  RETURN CASE WHEN key IS NOT NULL THEN public.audit_chain_key_now(relation, NULL) END;
END
$function$;
