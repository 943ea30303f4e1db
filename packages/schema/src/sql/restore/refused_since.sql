-- The link since which changes of a kind's rows are refused: an update or a delete that stands behind it was made past the
-- guard, and says nothing of what a row has to be. No link lies so far behind where changes are tracked.
CREATE OR REPLACE FUNCTION public.audit_chain_refused_since(kind text) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT coalesce(min(l.seq), 9223372036854775807)
    FROM public.audit_chain_config AS c JOIN public.audit_chain AS l ON l.event_kind = 'audit_chain_config' AND l.event_pk = c.id::text
   WHERE c.kind = audit_chain_refused_since.kind
     AND NOT EXISTS (SELECT FROM public.audit_chain_config AS d WHERE d.kind = c.kind AND d.id >= c.id AND d.changes <> 'refuse')
$function$;
