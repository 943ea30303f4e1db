-- Whether the capture process follows a publication; NULL where there is none.
CREATE OR REPLACE FUNCTION public.audit_chain_is_followed(name text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  position public.audit_chain_position;
BEGIN
  SELECT p.* INTO position FROM public.audit_chain_position AS p ORDER BY p.id DESC LIMIT 1;
  RETURN CASE WHEN EXISTS (SELECT FROM pg_replication_slots AS s WHERE s.slot_name = position.slot::name) THEN name = ANY (position.publications) END;
END
$function$;
