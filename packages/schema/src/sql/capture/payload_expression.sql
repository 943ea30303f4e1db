-- The SQL expression of a row's payload: canonical JSON, one member per column that is not NULL, each value the
-- column's text output. `concat` calls the type's output function and nothing else: a cast could be a user's function.
-- It takes at most 100 arguments, hence groups of 50 columns. Label and value are arguments of their own, because a
-- call of `concat` for each member cost half as much again. The columns are named bare, and sorted by the caller.
--
-- `members` are the members' names: that of the column when it joined, which it keeps. `absent` has by member the text
-- that is left out in the place of NULL: the one that older rows have in a column that joined. NULL is written there.
CREATE OR REPLACE FUNCTION public.audit_chain_payload_expression(columns text[], members text[], absent jsonb) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  groups text[];
BEGIN
  SELECT array_agg(g.members ORDER BY g.number) INTO groups
    FROM (SELECT (c.n - 1) / 50 AS number,
                 string_agg(format(
                   CASE WHEN jsonb_exists(absent, c.member)
                        THEN 'CASE WHEN %1$s IS DISTINCT FROM NULL AND pg_catalog.concat(%1$s) COLLATE pg_catalog."C" OPERATOR(pg_catalog.=) %3$L THEN NULL ELSE %2$L END, '
                             'CASE WHEN %1$s IS DISTINCT FROM NULL THEN CASE WHEN pg_catalog.concat(%1$s) COLLATE pg_catalog."C" OPERATOR(pg_catalog.<>) %3$L THEN pg_catalog.to_json(pg_catalog.concat(%1$s)) END ELSE ''null''::pg_catalog.json END'
                        ELSE 'CASE WHEN %1$s IS DISTINCT FROM NULL THEN %2$L END, pg_catalog.to_json(CASE WHEN %1$s IS DISTINCT FROM NULL THEN pg_catalog.concat(%1$s) END)' END,
                   public.audit_chain_quoted(c.name), concat(',', to_json(c.member), ':'), absent ->> c.member), ', ' ORDER BY c.n) AS members
            FROM unnest(columns, audit_chain_payload_expression.members) WITH ORDINALITY AS c(name, member, n)
           GROUP BY (c.n - 1) / 50) AS g;
  RETURN format('pg_catalog.concat(''{'', pg_catalog.substr(pg_catalog.concat(%s), 2), ''}'')',
    CASE WHEN cardinality(groups) = 1 THEN groups[1]
         ELSE (SELECT string_agg(format('pg_catalog.concat(%s)', g.members), ', ' ORDER BY g.n) FROM unnest(groups) WITH ORDINALITY AS g(members, n)) END);
END
$function$;
