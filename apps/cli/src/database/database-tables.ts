import type { ISql } from "postgres";

/** A table of the database that could be audited. */
export interface DatabaseTable {
  readonly schema: string;
  readonly name: string;
  /** Both as SQL writes them. */
  readonly relation: string;
  readonly columns: readonly string[];
  /** The kind of its events, where it is or was attached; null for one that never was. */
  readonly kind: string | null;
  readonly isAttached: boolean;
  /** The extension that it belongs to; null for none. */
  readonly extension: string | null;
  /** The table that it inherits from; null for none. */
  readonly parent: string | null;
  /** Whether it is one of the platform's that `init` makes where they are missing, with just those columns. */
  readonly isOfInit: boolean;
  /** Whether other tables inherit from it; partitions do not count. */
  readonly hasChildren: boolean;
}

/** By name, the columns of the tables that `init` makes where they are missing (platform.sql). */
const OF_INIT = {
  audit_log: "id,actor,action,target_kind,target_id,details,created_at",
  senate_alerts: "id,kind,ref_id,severity,details,created_at,ack_at,ack_by",
};

/**
 * Every table and partitioned table, by name: neither the system's, nor the chain's own, nor temporary ones; nor partitions,
 * which are audited with their root. Nor what `init` made and nobody has used.
 *
 * @param sql a transaction with the search path `pg_catalog, pg_temp`
 */
export async function readDatabaseTables(sql: ISql): Promise<DatabaseTable[]> {
  const rows = await sql<{ found: string }[]>`
    select json_build_object(
             'schema', n.nspname, 'name', t.relname, 'relation', concat(quote_ident(n.nspname), '.', quote_ident(t.relname)),
             'columns', coalesce(k.names, '{}'), 'kind', r.kind, 'isOfInit', m.is_made,
             'isAttached', coalesce((select c.action <> 'detach' from public.audit_chain_config as c where c.kind = r.kind order by c.id desc limit 1), false),
             'extension', (select min(x.extname::text) from pg_depend as d join pg_extension as x on x.oid = d.refobjid
                            where d.classid = 'pg_class'::regclass and d.objid = t.oid and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'),
             'parent', (select i.inhparent::regclass::text from pg_inherits as i where i.inhrelid = t.oid order by i.inhseqno limit 1),
             'hasChildren', t.relkind = 'r' and exists (select from pg_inherits as i where i.inhparent = t.oid))::text as found
      from pg_class as t
      join pg_namespace as n on n.oid = t.relnamespace
     cross join lateral (select array_agg(a.attname::text order by a.attnum) as names from pg_attribute as a
                          where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped) as k
     cross join lateral (select n.oid = pg_catalog.to_regnamespace('public') and coalesce(${JSON.stringify(OF_INIT)}::text::json ->> t.relname = array_to_string(k.names, ','), false) as is_made) as m
      left join public.audit_chain_relation as r on r.relid = t.oid
     where t.relkind in ('r', 'p') and not t.relispartition and t.relpersistence <> 't'
       and not starts_with(n.nspname::text, 'pg_') and n.nspname <> 'information_schema'
       and not (n.oid = pg_catalog.to_regnamespace('public') and starts_with(t.relname::text, 'audit_chain'))
       and (r.kind is not null or case when m.is_made then pg_relation_size(t.oid) > 0 else true end)
     order by n.nspname collate "C", t.relname collate "C"`;
  return rows.map(({ found }) => JSON.parse(found) as DatabaseTable);
}

/** Relations of tables that nobody audits; those of extensions are the extensions' business. */
export const notAudited = (tables: readonly DatabaseTable[]): string[] =>
  tables.filter(({ isAttached, extension }) => !isAttached && extension === null).map(({ relation }) => relation);
