-- The link since which rows of a kind may have other payloads or keys than were recorded before, 0 where they have always had
-- these: the verifier's newestShapeChange, and sometimes later. Rows that were recorded before are recorded anew.
CREATE OR REPLACE FUNCTION public.audit_chain_shaped_since(kind text) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH shape AS (
    SELECT c.id, concat(to_json(c.key_columns), to_json(c.columns), to_json(c.members), c.absent, to_json(c.column_types)) AS said
      FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_shaped_since.kind
  ), pairs AS (
    SELECT s.id, s.said, lag(s.said) OVER (ORDER BY s.id) AS said_before FROM shape AS s
  )
  SELECT coalesce(max(l.seq), 0)
    FROM pairs AS p JOIN public.audit_chain AS l ON l.event_kind = 'audit_chain_config' AND l.event_pk = p.id::text
   WHERE p.said <> p.said_before
$function$;
