-- What cannot be audited, and why. In a database of SQL_ASCII texts are bytes of no encoding: whoever writes a byte above
-- 127 would get an error from capture. Rows of a Citus table lie in shards, where our triggers are not.
CREATE OR REPLACE FUNCTION public.audit_chain_check_attachable(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  c pg_class;
  is_sharded boolean := false;
BEGIN
  IF getdatabaseencoding() = 'SQL_ASCII' THEN
    RAISE EXCEPTION 'the database has the encoding SQL_ASCII, in which texts cannot be recorded'
      USING ERRCODE = 'feature_not_supported', HINT = 'Dump it, and restore it into a database with the encoding UTF8.';
  END IF;
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition AS d WHERE d.logicalrelid = $1)' INTO is_sharded USING relation;
  END IF;
  SELECT * INTO c FROM pg_class AS p WHERE p.oid = relation;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no relation with the number %', relation::oid USING ERRCODE = 'undefined_table';
  ELSIF c.relkind NOT IN ('r', 'p') THEN
    RAISE EXCEPTION '% is %, only tables can be audited', relation,
      CASE c.relkind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table' WHEN 'S' THEN 'a sequence' WHEN 'i' THEN 'an index' ELSE 'not a table' END
      USING ERRCODE = 'wrong_object_type', HINT = 'Attach the table that holds the rows.';
  ELSIF is_sharded THEN
    RAISE EXCEPTION '% is distributed by Citus: its rows lie in shards, where they are not captured', relation
      USING ERRCODE = 'wrong_object_type', HINT = 'Audit the shards'' servers instead, or keep audited rows in a local table.';
  ELSIF c.relpersistence = 'u' THEN
    RAISE EXCEPTION '% is UNLOGGED: its rows are gone after a crash, which would look like tampering', relation
      USING ERRCODE = 'wrong_object_type', HINT = format('Run first: ALTER TABLE %s SET LOGGED', relation);
  ELSIF c.relkind = 'p' AND EXISTS (SELECT FROM pg_partition_tree(relation) AS t JOIN pg_class AS p ON p.oid = t.relid WHERE p.relpersistence = 'u') THEN
    RAISE EXCEPTION '% has an UNLOGGED partition: its rows are gone after a crash, which would look like tampering', relation
      USING ERRCODE = 'wrong_object_type', HINT = 'Run ALTER TABLE ... SET LOGGED for each such partition first.';
  ELSIF c.relpersistence = 't' THEN
    RAISE EXCEPTION '% is a temporary table', relation USING ERRCODE = 'wrong_object_type', HINT = 'Attach a permanent table.';
  ELSIF c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) THEN
    RAISE EXCEPTION '% belongs to the system', relation USING ERRCODE = 'wrong_object_type', HINT = 'Attach a table of your own.';
  ELSIF starts_with(c.relname, 'audit_chain') AND c.relnamespace = 'public'::regnamespace THEN
    RAISE EXCEPTION '% belongs to the audit chain itself', relation USING ERRCODE = 'wrong_object_type', HINT = 'Attach a table of your own.';
  ELSIF c.relispartition THEN
    RAISE EXCEPTION '% is a partition of %', relation, pg_partition_root(relation)
      USING ERRCODE = 'wrong_object_type', HINT = format('Attach the whole table: audit-chain attach %s', pg_partition_root(relation));
  END IF;
END
$function$;
