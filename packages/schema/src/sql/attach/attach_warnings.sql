-- What the owner of a table should know before it is audited: types whose text depends on more than the value, foreign
-- keys that cascade into it, and changes that it has already had where they are to be refused.
CREATE OR REPLACE FUNCTION public.audit_chain_attach_warnings(relation regclass, columns text[], changes text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT coalesce(jsonb_agg(w.message ORDER BY w.message), '[]') FROM (
    SELECT format('column %I is of type %s, whose text depends on more than its value: exclude it, or store text', a.attname, format_type(a.atttypid, NULL)) AS message
      FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
     WHERE a.attrelid = relation AND a.attname::text = ANY (columns) AND NOT a.attisdropped
       AND (t.oid = 'money'::regtype OR t.typname ~ '^reg' AND t.typnamespace = 'pg_catalog'::regnamespace)
    UNION ALL
    SELECT format('foreign key %I changes rows when the referenced row of %s is deleted or updated: such a cascade is refused or tracked too', f.conname, f.confrelid::regclass)
      FROM pg_constraint AS f
     WHERE f.conrelid = relation AND f.contype = 'f' AND (f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd'))
    UNION ALL
    SELECT CASE split_part(e.entry, ' ', 1)
             WHEN 'rule' THEN format('%s: it can turn a statement into another one; it is recorded as it is, and audit-verify reports it when it changes', regexp_replace(e.entry, ' [ODRA] \d+ [0-9a-f]{64}$', ''))
             WHEN 'child' THEN format('%s inherits from it: queries see the rows of such a child, capture does not; attach it on its own', substr(e.entry, 7))
             WHEN 'security' THEN format('row security hides rows of %s: the logins of publisher and verifier need BYPASSRLS', substr(e.entry, 10))
             ELSE format('the role %s finds the table of the same name in another schema (%s) when the schema is left out', regexp_replace(substr(e.entry, 6), ': [^:]*$', ''), regexp_replace(e.entry, '^.*: ', '')) END
      FROM unnest(public.audit_chain_present(relation)) AS e(entry)
    UNION ALL
    SELECT format('it belongs to the extension %I: pg_dump leaves its triggers out, so run audit-chain attach again after a restore', x.extname)
      FROM pg_depend AS d JOIN pg_extension AS x ON x.oid = d.refobjid
     WHERE d.classid = 'pg_class'::regclass AND d.objid = relation AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    UNION ALL
    -- A partitioned table has no statistics of its own.
    SELECT format('%s rows have been updated and %s deleted since the statistics were reset: with --changes refuse that will fail', sum(s.n_tup_upd), sum(s.n_tup_del))
      FROM pg_stat_all_tables AS s
     WHERE coalesce(changes, CASE WHEN EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = relation AND g.tgname = '0_audit_chain_track') THEN 'track' END, 'refuse') = 'refuse'
       AND (s.relid = relation OR s.relid IN (SELECT t.relid FROM pg_partition_tree(relation) AS t))
    HAVING sum(s.n_tup_upd) + sum(s.n_tup_del) > 0
  ) AS w
$function$;
