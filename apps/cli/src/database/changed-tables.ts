import type { ISql } from "postgres";
import { qualifiedNames } from "./qualified-names.ts";

/** A table that is not attached, and whose rows have been changed since its statistics were reset. */
export interface ChangedTable {
  readonly relation: string;
  readonly updated: bigint;
  readonly deleted: bigint;
}

/**
 * Which of these tables are not attached and have rows that change: by default attaching would make their applications
 * fail. What has been forgotten with the statistics (a crash, a reset, a restore) is not seen.
 *
 * @param names tables as SQL writes them; what is no table is left out, which attach says better
 */
export async function changedTables(sql: ISql, names: readonly string[]): Promise<ChangedTable[]> {
  const relations = [...new Set((await qualifiedNames(sql, names)).values())];
  const rows = await sql<{ relation: string; updated: string; deleted: string }[]>`
    select n.name as relation, s.updated::text as updated, s.deleted::text as deleted
      from pg_catalog.json_array_elements_text(${JSON.stringify(relations)}::text::json) with ordinality as n(name, position)
     cross join lateral (
       select pg_catalog.sum(t.n_tup_upd) as updated, pg_catalog.sum(t.n_tup_del) as deleted
         from pg_catalog.pg_stat_all_tables as t
        where t.relid = n.name::regclass or t.relid in (select p.relid from pg_catalog.pg_partition_tree(n.name::regclass) as p)) as s
     where s.updated + s.deleted > 0
       and coalesce((select k.action from public.audit_chain_relation as r join public.audit_chain_config as k on k.kind = r.kind
                      where r.relid = n.name::regclass order by k.id desc limit 1), 'detach') = 'detach'
     order by n.position`;
  return rows.map(({ relation, updated, deleted }) => ({
    relation,
    updated: BigInt(updated),
    deleted: BigInt(deleted),
  }));
}

/** How many tables are named. */
const NAMED = 10;

/** Which tables have changed, and how often: `public.orders (12 rows updated, 3 deleted)`. */
export function changedText(tables: readonly ChangedTable[]): string {
  const named = tables.slice(0, NAMED).map((table) => `${table.relation} (${changesText(table)})`);
  return `${named.join(", ")}${tables.length > NAMED ? `, and ${tables.length - NAMED} more` : ""}`;
}

export const changesText = ({ updated, deleted }: Pick<ChangedTable, "updated" | "deleted">): string =>
  `${updated} rows updated, ${deleted} deleted`;
