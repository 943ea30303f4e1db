-- Puts a table into its owner's publication, or takes it out. Leaves are published under their own names, those that come
-- later too: published as the whole, a TRUNCATE of a partition would send nothing. Those that are there are put there
-- themselves as well: into a publication that has only the whole, somebody could put a leaf with a filter of rows, write,
-- and take it out again, in one transaction that leaves no trace. Each leaf sends whole rows of before: of
-- a table that refuses changes this costs nothing while it does. What somebody has made a publication leave out is put back.
-- Runs with the rights of the owner.
CREATE OR REPLACE FUNCTION public.audit_chain_publish(relation regclass, is_stream boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $function$
DECLARE
  name text;
  part regclass;
  is_partial boolean;
BEGIN
  FOR part IN SELECT c.oid FROM pg_class AS c
               WHERE c.oid = relation OR c.relkind = 'r' AND c.oid IN (SELECT t.relid FROM pg_partition_tree(relation) AS t) ORDER BY c.oid <> relation, c.oid LOOP
    -- Filters and lists of columns are there since PostgreSQL 15.
    SELECT p.pubname, coalesce(to_jsonb(m) ->> 'prqual', to_jsonb(m) ->> 'prattrs') IS NOT NULL INTO name, is_partial
      FROM pg_publication_rel AS m JOIN pg_publication AS p ON p.oid = m.prpubid
     WHERE m.prrelid = part AND starts_with(p.pubname::text, 'audit_chain') LIMIT 1;
    IF is_stream AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = part AND c.relkind = 'r' AND c.relreplident <> 'f') THEN
      EXECUTE format('ALTER TABLE ONLY %s REPLICA IDENTITY FULL', part);
    END IF;
    IF name IS NOT NULL AND (is_partial OR NOT is_stream) THEN
      EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', name, part);
    END IF;
    IF is_stream AND (name IS NULL OR is_partial) THEN
      EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %s', public.audit_chain_publication(relation), part);
    END IF;
  END LOOP;
  IF NOT is_stream THEN
    RETURN;
  END IF;
  SELECT p.pubname INTO name
    FROM pg_publication_rel AS m JOIN pg_publication AS p ON p.oid = m.prpubid
   WHERE m.prrelid = relation AND starts_with(p.pubname::text, 'audit_chain') AND (p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AND NOT p.pubviaroot) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    EXECUTE format('ALTER PUBLICATION %I SET (publish = ''insert, update, delete, truncate'', publish_via_partition_root = false)', name);
  END IF;
END
$function$;
