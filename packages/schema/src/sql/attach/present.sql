-- What is there when a table is attached, and would be an attack if it came later. That is rules of the table and of
-- its partitions, their row security, inheritance children, and roles with a right on the table that find another relation by its bare
-- name. Recorded with the configuration; the verifier (coverage/present.ts) reads the same of the live catalog and
-- reports what has not been recorded. One entry for each:
--   rule RELATION NAME ENABLED MAJOR SHA256   of the rule's row, which major versions write differently
--   child RELATION
--   security RELATION
--   path ROLE: SCHEMA
CREATE OR REPLACE FUNCTION public.audit_chain_present(relation regclass) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH target AS (
    SELECT c.oid, c.relname, n.nspname, c.relkind
      FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation
  ), parts AS (
    SELECT relation::oid AS oid UNION SELECT t.relid FROM pg_partition_tree(relation) AS t
  ), twins AS (
    SELECT n.oid, n.nspname
      FROM target AS t JOIN pg_class AS c ON c.relname = t.relname AND c.oid <> t.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname::text !~ '^pg_(temp|toast)'
  ), paths AS (
    -- As the server looks for it: for the role here, for the role, for this database, for all, and what is left.
    SELECT r.oid, r.rolname,
           coalesce((SELECT substr(e.entry, 13) FROM pg_db_role_setting AS s CROSS JOIN LATERAL unnest(s.setconfig) AS e(entry)
                      WHERE s.setrole IN (r.oid, 0) AND s.setdatabase IN (0, d.oid) AND starts_with(lower(e.entry), 'search_path=')
                      ORDER BY s.setrole = 0, s.setdatabase = 0 LIMIT 1),
                    CASE WHEN NOT EXISTS (SELECT FROM pg_db_role_setting AS s CROSS JOIN LATERAL unnest(s.setconfig) AS e(entry)
                                           WHERE s.setrole = (SELECT u.oid FROM pg_roles AS u WHERE u.rolname = session_user)
                                             AND s.setdatabase IN (0, d.oid) AND starts_with(lower(e.entry), 'search_path='))
                         THEN (SELECT s.reset_val FROM pg_settings AS s WHERE s.name = 'search_path') END,
                    '"$user", public') AS path
      FROM pg_roles AS r CROSS JOIN pg_database AS d
     WHERE d.datname = current_database() AND EXISTS (SELECT FROM twins)
       AND (has_table_privilege(r.oid, relation::oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
            OR has_any_column_privilege(r.oid, relation::oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
  ), searched AS (
    SELECT p.oid, p.rolname, p.path, f.n, coalesce(f.schema, '') AS schema
      FROM paths AS p CROSS JOIN LATERAL (
        SELECT m.n, CASE WHEN m.found[1] IS NOT NULL THEN replace(m.found[1], '""', '"') ELSE lower(btrim(m.found[2])) END AS name
          FROM regexp_matches(p.path, '\s*(?:"((?:[^"]|"")*)"|([^",]+))\s*(?:,|$)', 'g') WITH ORDINALITY AS m(found, n)) AS i
      CROSS JOIN LATERAL (SELECT i.n, CASE i.name WHEN '$user' THEN p.rolname::text ELSE i.name END AS schema) AS f
  ), found AS (
    SELECT DISTINCT ON (s.oid) s.rolname, s.path, s.schema, t.nspname AS own
      FROM searched AS s CROSS JOIN target AS t JOIN pg_namespace AS n ON n.nspname::text = s.schema
     WHERE has_schema_privilege(s.oid, n.oid, 'USAGE')
       AND (s.schema = t.nspname::text OR EXISTS (SELECT FROM twins AS w WHERE w.oid = n.oid))
     ORDER BY s.oid, s.n
  )
  SELECT coalesce(array_agg(e.entry ORDER BY e.entry COLLATE "C"), '{}') FROM (
    SELECT concat('rule ', quote_ident(n.nspname), '.', quote_ident(c.relname), ' ', quote_ident(r.rulename), ' ', r.ev_enabled, ' ',
                  current_setting('server_version_num')::integer / 10000, ' ', encode(sha256(convert_to(regexp_replace(regexp_replace(
                    concat(r.ev_type, r.is_instead, r.ev_qual, r.ev_action),
                    ' :[a-z_.]*(?:location|stmt_len|list_start|list_end) -?[0-9]+', '', 'g'), '[0-9]{5,}', '#', 'g'), 'UTF8')), 'hex')) AS entry
      FROM parts AS p JOIN pg_rewrite AS r ON r.ev_class = p.oid
      JOIN pg_class AS c ON c.oid = p.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    UNION ALL
    SELECT concat('security ', quote_ident(n.nspname), '.', quote_ident(c.relname))
      FROM parts AS p JOIN pg_class AS c ON c.oid = p.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relrowsecurity OR c.relforcerowsecurity
    UNION ALL
    SELECT concat('child ', quote_ident(n.nspname), '.', quote_ident(c.relname))
      FROM target AS t JOIN (
        WITH RECURSIVE tree(oid) AS (
          SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = relation
          UNION SELECT i.inhrelid FROM tree JOIN pg_inherits AS i ON i.inhparent = tree.oid)
        SELECT tree.oid FROM tree) AS i ON t.relkind = 'r'
      JOIN pg_class AS c ON c.oid = i.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    UNION ALL
    SELECT concat('path ', f.rolname, ': ', f.schema)
      FROM found AS f
     WHERE f.schema <> f.own::text
       AND (f.path <> '"$user", public' OR EXISTS (SELECT FROM searched AS s WHERE s.rolname = f.rolname AND s.schema = f.own::text))
  ) AS e
$function$;
