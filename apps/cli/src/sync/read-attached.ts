import type { CaptureMode } from "@scidex/audit-core";
import type { Changes, Fallback } from "@scidex/audit-schema";
import type { ISql } from "postgres";
import type { Unchained } from "../database/unchained.ts";

/** A column as its configuration has it, or as it is now. */
export interface Column {
  readonly name: string;
  /** As the configuration describes types. */
  readonly type: string;
}

/** An attached table: its configuration in force, beside what is there. */
export interface AttachedTable {
  readonly kind: string;
  /** As it was called when it was configured, with its schema. */
  readonly relation: string;
  readonly keyColumns: readonly string[];
  readonly columns: readonly Column[];
  readonly excluded: readonly string[];
  /** By column's name, the number that it had. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Whether it was restored from a dump since its columns were numbered. */
  readonly isRestored: boolean;
  /** What has its number now; null where that was dropped. */
  readonly live: {
    readonly relation: string;
    /** The key that it would be attached with: that of before as long as it is one. Null where there is none. */
    readonly keyColumns: readonly string[] | null;
    /** The partitioned table that it has become a part of; null for none. */
    readonly root: string | null;
    /** Columns that can be covered, by number. */
    readonly columns: readonly (Column & { readonly number: number })[];
    /** Names of the enabled triggers. */
    readonly triggers: readonly string[];
    /** Whether a publication of ours sends all of it: for the mode `stream`. */
    readonly isSent: boolean;
    /** It, or those of its partitions, that do not send what their rows were before a change. */
    readonly partial: readonly string[];
    /** Its partitions that are not guarded against TRUNCATE: they came since it was attached or synced. */
    readonly came: readonly PartitionThatCame[];
  } | null;
  /** Whether there is another table of its name. */
  readonly isReplaced: boolean;
  readonly changes: Changes;
  readonly mode: CaptureMode;
  /** Whether all rows that it had have been chained. */
  readonly isComplete: boolean;
  readonly fallback: Fallback;
  readonly blindKey: boolean;
  readonly salt: boolean;
  readonly retention: string | null;
}

export interface PartitionThatCame {
  /** As SQL writes its name. */
  readonly relation: string;
  /** Whether it has rows itself, and no partitions of its own. */
  readonly isLeaf: boolean;
  /** How many of its rows are not in the chain: it had them before. Not set where it was not counted. */
  readonly unchained?: Unchained;
}

/**
 * All attached tables, in one statement. A hint for those who deploy: it believes the catalog, which the verifier does not.
 *
 * @param sql a transaction with the search path `pg_catalog, pg_temp`
 */
export async function readAttached(sql: ISql): Promise<AttachedTable[]> {
  const rows = await sql.unsafe<{ attached: string }[]>(`
    select json_build_object(
             'kind', c.kind, 'relation', c.relation, 'keyColumns', c.key_columns, 'excluded', c.excluded, 'changes', c.changes,
             'mode', c.mode, 'isComplete', c.complete, 'fallback', c.fallback, 'blindKey', c.blind_key, 'salt', c.salt, 'retention', c.retention,
             'columns', coalesce((select json_agg(json_build_object('name', u.name, 'type', u.type)) from unnest(c.columns, c.column_types) as u(name, type)), '[]'),
             'numbers', public.audit_chain_numbers(r), 'isRestored', r.numbered_for <> r.relid::oid,
             'isReplaced', exists (select from pg_class as o join pg_namespace as p on p.oid = o.relnamespace
               where concat(quote_ident(p.nspname), '.', quote_ident(o.relname)) = c.relation and o.oid <> r.relid),
             'live', case when t.oid is not null then json_build_object(
               'relation', concat(quote_ident(n.nspname), '.', quote_ident(t.relname)),
               'keyColumns', public.audit_chain_key_now(t.oid, (select array_agg(a.attname::text order by k.n)
                  from unnest(c.key_columns) with ordinality as k(name, n)
                  join pg_attribute as a on a.attrelid = t.oid and a.attnum = (public.audit_chain_numbers(r) ->> k.name)::smallint and not a.attisdropped
                having count(*) = cardinality(c.key_columns))),
               'root', case when t.relispartition then pg_partition_root(t.oid)::text end,
               'columns', coalesce((select json_agg(json_build_object('name', a.attname, 'number', a.attnum, 'type', public.audit_chain_type_description(a.atttypid, a.atttypmod)) order by a.attnum)
                  from pg_attribute as a where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''), '[]'),
               'isSent', exists (select from pg_publication_rel as m join pg_publication as p on p.oid = m.prpubid
                 where m.prrelid = t.oid and starts_with(p.pubname::text, 'audit_chain') and to_jsonb(m) ->> 'prqual' is null and to_jsonb(m) ->> 'prattrs' is null)
                 and not exists (select from pg_publication_rel as m join pg_publication as p on p.oid = m.prpubid join pg_partition_tree(t.oid) as x on x.relid = m.prrelid
                   where starts_with(p.pubname::text, 'audit_chain') and coalesce(to_jsonb(m) ->> 'prqual', to_jsonb(m) ->> 'prattrs') is not null),
               'partial', coalesce((select json_agg(l.oid::regclass::text order by l.oid::regclass::text) from pg_class as l
                 where l.relkind = 'r' and l.relreplident <> 'f' and l.oid in (select t.oid union select x.relid from pg_partition_tree(t.oid) as x)), '[]'),
               'came', coalesce((select json_agg(json_build_object('relation', concat(quote_ident(s.nspname), '.', quote_ident(l.relname)), 'isLeaf', x.isleaf)
                   order by s.nspname, l.relname)
                 from pg_partition_tree(t.oid) as x join pg_class as l on l.oid = x.relid join pg_namespace as s on s.oid = l.relnamespace
                where x.relid::oid <> t.oid and not exists (select from pg_trigger as g where g.tgrelid = x.relid and g.tgname = 'audit_chain_guard_truncate')), '[]'),
               'triggers', coalesce((select json_agg(g.tgname) from pg_trigger as g where g.tgrelid = t.oid and g.tgenabled in ('O', 'A')), '[]')) end)::text as attached
      from public.audit_chain_relation as r
      join public.audit_chain_config as c on c.kind = r.kind
       and c.id = (select max(l.id) from public.audit_chain_config as l where l.kind = r.kind)
      left join pg_class as t on t.oid = r.relid and t.relkind in ('r', 'p')
      left join pg_namespace as n on n.oid = t.relnamespace
     where c.action <> 'detach'
     order by c.relation collate "C"`);
  return rows.map(({ attached }) => JSON.parse(attached) as AttachedTable);
}
