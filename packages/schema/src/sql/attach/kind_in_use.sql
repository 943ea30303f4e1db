-- Whether the chain or pending holds events of this kind.
CREATE OR REPLACE FUNCTION public.audit_chain_kind_in_use(kind text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT EXISTS (SELECT FROM public.audit_chain AS c WHERE c.event_kind = kind)
      OR EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.event_kind = kind)
$function$;
