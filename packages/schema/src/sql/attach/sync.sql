-- Takes in what a migration has changed of an audited table: at the end of the migration, in its own transaction. The
-- table stays attached as it is. A column that has joined is covered from then on, in older rows too. Returns what
-- audit_chain_attach returns. Nothing is recorded where nothing has changed.
CREATE OR REPLACE FUNCTION public.audit_chain_sync(relation regclass) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  root   regclass := coalesce(pg_partition_root(relation), relation);
  config public.audit_chain_config;
BEGIN
  -- Or of a partition of it that was audited by itself.
  config := public.audit_chain_in_force((SELECT r.kind FROM public.audit_chain_relation AS r
    WHERE r.relid IN (SELECT root UNION SELECT t.relid FROM pg_partition_tree(root) AS t) ORDER BY r.relid <> root, r.kind LIMIT 1));
  IF config.id IS NULL OR config.action = 'detach' OR starts_with(config.kind, 'audit_chain') THEN
    RAISE EXCEPTION '% is not attached', root USING ERRCODE = 'AC002', HINT = format('Run: audit-chain attach %s', root);
  END IF;
  RETURN public.audit_chain_attach(root);
END
$function$;
