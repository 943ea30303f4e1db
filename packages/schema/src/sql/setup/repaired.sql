-- Records what init --repair has mended, by what it is, and as what it was found: in the configuration, whose every row is
-- chained. For our owner only.
CREATE OR REPLACE FUNCTION public.audit_chain_repaired(repaired jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM public.audit_chain_lock_chain();
  PERFORM public.audit_chain_link_all();
  INSERT INTO public.audit_chain_config
    (id, recorded_at, actor, action, kind, relation, key_columns, columns, column_types, excluded, changes, mode, complete, repaired)
  SELECT coalesce(max(c.id), 0) + 1, clock_timestamp(), session_user, 'repair', 'audit_chain_config', 'public.audit_chain_config',
         '{id}', '{}', '{}', '{}', 'refuse', 'strict', true, audit_chain_repaired.repaired
    FROM public.audit_chain_config AS c;
  PERFORM public.audit_chain_link(pg_current_xact_id(), 10000);
END
$function$;
