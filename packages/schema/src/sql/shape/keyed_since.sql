-- The link since which rows of a kind have the keys that they have now, 0 where they always had them. Another key was
-- chosen then, or a column of the key got a type that prints other texts (the verifier's coverage/key-epochs.ts has the same
-- rule). Events of before are about rows whose keys are others now.
CREATE OR REPLACE FUNCTION public.audit_chain_keyed_since(kind text) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH keys AS (
    SELECT c.id, array_agg(c.members[p.place] ORDER BY k.n) AS members, array_agg(c.column_types[p.place] ORDER BY k.n) AS types
      FROM public.audit_chain_config AS c CROSS JOIN LATERAL unnest(c.key_columns) WITH ORDINALITY AS k(name, n)
     CROSS JOIN LATERAL (SELECT coalesce(array_position(c.columns, k.name), 0) AS place) AS p
     WHERE c.kind = audit_chain_keyed_since.kind
     GROUP BY c.id
  ), pairs AS (
    SELECT k.id, k.members, k.types, lag(k.members) OVER (ORDER BY k.id) AS members_before, lag(k.types) OVER (ORDER BY k.id) AS types_before FROM keys AS k
  )
  SELECT coalesce(max(l.seq), 0)
    FROM pairs AS p JOIN public.audit_chain AS l ON l.event_kind = 'audit_chain_config' AND l.event_pk = p.id::text
   WHERE p.members <> p.members_before
      OR EXISTS (
        SELECT FROM unnest(p.types_before, p.types) AS t(was, now)
         WHERE t.was <> t.now
           AND NOT (t.was ~ '^(text|character varying(\(\d+\))?)$' AND t.now ~ '^(text|character varying(\(\d+\))?)$')
           AND NOT (t.was IN ('smallint', 'integer', 'bigint') AND t.now IN ('smallint', 'integer', 'bigint'))
           AND NOT (right(t.was, 1) = '}' AND starts_with(t.now, concat(left(t.was, -1), ','))))
$function$;
