-- The part of audit_chain_forget that needs our owner's rights. Whoever calls it by himself takes away what only shows that a
-- row is as it was recorded: that is found.
CREATE OR REPLACE FUNCTION public.audit_chain_forget_salt(relation regclass, pk text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
  event  text := public.audit_chain_event_key(config, pk);
BEGIN
  DELETE FROM public.audit_chain_salt AS s WHERE s.event_kind = config.kind AND s.event_pk = event;
  RETURN FOUND;
END
$function$;
