-- Puts a table into its owner's publication, or takes it out. Leaves are published under their own names, those that come
-- later too: published as the whole, a TRUNCATE of a partition would send nothing. Each leaf sends whole rows of before: of
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
  -- Filters and lists of columns are there since PostgreSQL 15.
  SELECT p.pubname, coalesce(to_jsonb(m) ->> 'prqual', to_jsonb(m) ->> 'prattrs') IS NOT NULL INTO name, is_partial
    FROM pg_publication_rel AS m JOIN pg_publication AS p ON p.oid = m.prpubid
   WHERE m.prrelid = relation AND starts_with(p.pubname::text, 'audit_chain') LIMIT 1;
  IF NOT is_stream THEN
    IF name IS NOT NULL THEN
      EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', name, relation);
    END IF;
    RETURN;
  END IF;
  FOR part IN SELECT c.oid FROM pg_class AS c
               WHERE c.relkind = 'r' AND c.relreplident <> 'f' AND c.oid IN (SELECT relation UNION SELECT t.relid FROM pg_partition_tree(relation) AS t) LOOP
    EXECUTE format('ALTER TABLE ONLY %s REPLICA IDENTITY FULL', part);
  END LOOP;
  IF is_partial THEN
    EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', name, relation);
  END IF;
  IF name IS NULL OR is_partial THEN
    EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %s', public.audit_chain_publication(relation), relation);
  END IF;
  SELECT p.pubname INTO name
    FROM pg_publication_rel AS m JOIN pg_publication AS p ON p.oid = m.prpubid
   WHERE m.prrelid = relation AND starts_with(p.pubname::text, 'audit_chain') AND (p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AND NOT p.pubviaroot) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    EXECUTE format('ALTER PUBLICATION %I SET (publish = ''insert, update, delete, truncate'', publish_via_partition_root = false)', name);
  END IF;
END
$function$;
