-- The configuration of a kind that is in force: the newest, or NULL. One that the verifier would not believe, because it
-- is not chained or is none that this system writes, is an error.
CREATE OR REPLACE FUNCTION public.audit_chain_in_force(kind text) RETURNS public.audit_chain_config
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config;
BEGIN
  SELECT c.* INTO config FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_in_force.kind ORDER BY c.id DESC LIMIT 1;
  IF FOUND AND NOT (public.audit_chain_is_sound(config)
       AND EXISTS (SELECT FROM public.audit_chain AS l WHERE l.event_kind = 'audit_chain_config' AND l.event_pk = config.id::text)) THEN
    RAISE EXCEPTION 'the configuration row % of the kind % was not written by the audit chain', coalesce(config.id::text, 'without an id'), quote_literal(kind)
      USING ERRCODE = 'AC002', HINT = 'Somebody wrote it past attach. Find out with audit-verify what was changed.';
  END IF;
  RETURN config;
END
$function$;
