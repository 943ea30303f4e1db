import type { Lane } from "./snapshot.ts";
import { identifier } from "./sql-text.ts";

/**
 * Takes the weakest lock on a table, and tells whether the table has been rewritten since the snapshot was taken (ALTER
 * TABLE … TYPE, TRUNCATE): a snapshot that is older does not see the rows of the new file. 1,000 rows disappeared that
 * way, and nothing of what is missing then is evidence. With the lock it cannot happen any more.
 *
 * `relfilenode` comes from the snapshot, `pg_relation_filenode` from the catalog as it is now.
 */
export async function lockAgainstRewriting(lane: Lane, schema: string, name: string): Promise<boolean> {
  await lane.query.unsafe(`lock table ${identifier(schema)}.${identifier(name)} in access share mode`);
  const rows = await lane.query`
    with recursive tree (relid) as (
      select c.oid from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
       where n.nspname = ${schema} and c.relname = ${name}
      union select i.inhrelid from pg_catalog.pg_inherits as i join tree on tree.relid = i.inhparent)
    select from tree join pg_catalog.pg_class as c on c.oid = tree.relid
     where c.relkind = 'r' and c.relfilenode is distinct from pg_catalog.pg_relation_filenode(c.oid)
     limit 1`;
  return rows.length > 0;
}

/** What is said of such a table. */
export const REWRITTEN = "the table was rewritten after the snapshot was taken";
