-- How payloads of a relation's rows are made from now on. A column keeps the member's name under which it joined, also
-- when it is renamed; one that joins gets its own name, or that with a number where a column has had it before. So that
-- rows have the same payload before and after.
CREATE OR REPLACE FUNCTION public.audit_chain_shape(relation regclass, kind text, excluded text[],
  OUT columns text[], OUT members text[], OUT absent jsonb, OUT record_anew boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  before public.audit_chain_config;
  live   public.audit_chain_relation;
  used   text[];
  joined jsonb := '{}';
  item   record;
  member text;
  suffix integer;
BEGIN
  SELECT c.* INTO before FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_shape.kind ORDER BY c.id DESC LIMIT 1;
  SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.kind = audit_chain_shape.kind AND r.relid = relation;
  SELECT coalesce(array_agg(DISTINCT m.name), '{}') INTO used
    FROM public.audit_chain_config AS c CROSS JOIN LATERAL unnest(c.members) AS m(name) WHERE c.kind = audit_chain_shape.kind;
  columns := '{}';
  members := '{}';
  FOR item IN
    SELECT c.name, CASE WHEN live.kind IS NULL THEN c.name ELSE (SELECT n.key FROM jsonb_each_text(public.audit_chain_numbers(live)) AS n WHERE n.value::smallint = a.attnum) END AS was
      FROM unnest(public.audit_chain_covered_columns(relation, excluded)) AS c(name)
      JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname::text = c.name AND NOT a.attisdropped
  LOOP
    member := before.members[array_position(before.columns, item.was)];
    IF member IS NULL THEN
      member := item.name;
      suffix := 2;
      WHILE member = ANY (used) LOOP
        member := concat(item.name, '#', suffix);
        suffix := suffix + 1;
      END LOOP;
      joined := joined || jsonb_build_object(item.name, member);
    END IF;
    columns := columns || item.name;
    members := members || member;
  END LOOP;
  SELECT array_agg(s.name ORDER BY s.place), array_agg(s.member ORDER BY s.place) INTO columns, members
    FROM (SELECT c.name, c.member, public.audit_chain_utf16_order(c.member) COLLATE "C" AS place FROM unnest(columns, members) AS c(name, member)) AS s;
  SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') INTO absent FROM jsonb_each(before.absent) AS e WHERE e.key = ANY (members);
  record_anew := false;
  IF live.kind IS NOT NULL AND before.id IS NOT NULL THEN
    SELECT audit_chain_shape.absent || coalesce((SELECT jsonb_object_agg(joined ->> e.key, e.value) FROM jsonb_each(j.absent) AS e), '{}'), j.record_anew
      INTO absent, record_anew
      FROM public.audit_chain_joins(relation, ARRAY(SELECT jsonb_object_keys(joined))) AS j;
  END IF;
END
$function$;
