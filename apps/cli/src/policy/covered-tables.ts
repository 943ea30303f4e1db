import type { Policy, TablePolicy } from "@scidex/audit-verifier";
import type { ISql } from "postgres";

/** What a configuration says of a table, as a policy names it. */
export type CoveredTable = Pick<TablePolicy, "kind" | "key" | "exclude" | "changes" | "present"> & {
  /** Schema and table, quoted where SQL needs it. */
  readonly relation: string;
};

/** Of a configuration, whatever it calls its key. */
export const coveredTable = (
  {
    relation,
    kind,
    excluded: exclude,
    changes,
    present,
  }: Omit<CoveredTable, "key" | "exclude"> & { excluded: readonly string[] },
  key: readonly string[],
): CoveredTable => ({ relation, kind, key, exclude, changes, present });

/** What only the catalog says, and a policy pins. */
export interface CatalogPins {
  /** By partitioned table, the partitions that are guarded against TRUNCATE. */
  readonly guarded: ReadonlyMap<string, readonly string[]>;
  /** Event triggers at login. */
  readonly logins: readonly string[];
}

export async function readCatalogPins(sql: ISql): Promise<CatalogPins> {
  const relation = "pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(c.relname))";
  const guarded = await sql.unsafe<{ root: string; partition: string }[]>(
    `with recursive tree (root, relid) as (
       select i.inhparent, i.inhrelid from pg_catalog.pg_inherits as i
       union select tree.root, i.inhrelid from pg_catalog.pg_inherits as i join tree on tree.relid = i.inhparent)
     select (select ${relation} from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where c.oid = tree.root) as root,
            ${relation} as partition
       from tree join pg_catalog.pg_class as c on c.oid = tree.relid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where exists (select from pg_catalog.pg_trigger as t where t.tgrelid = c.oid and t.tgname = 'audit_chain_guard_truncate')
      order by 1, 2`,
  );
  const logins = await sql<{ name: string }[]>`
    select e.evtname as name from pg_catalog.pg_event_trigger as e where e.evtevent = 'login' and e.evtenabled in ('O', 'A') order by 1`;
  const partitions = new Map<string, string[]>();
  for (const { root, partition } of guarded) partitions.set(root, [...(partitions.get(root) ?? []), partition]);
  return {
    guarded: partitions,
    logins: logins.map((row) => row.name),
  };
}

/** Whose pins of the catalog stand in a policy: those of the catalog now, or those that the policy has already. */
export type PinsOf = "catalog" | "policy";

/**
 * A policy's tables. Of an entry that the policy has, also under a name that the table had before, everything stays that
 * no configuration says.
 *
 * @param earlier `tables` of the policy before
 * @param pinsOf of a table that has an entry; one without gets those of the catalog
 */
export function tablesOf(
  covered: readonly CoveredTable[],
  earlier: Policy["tables"],
  pins: CatalogPins,
  pinsOf: PinsOf,
): Policy["tables"] {
  return new Map(
    covered.map(({ relation, ...named }) => {
      const before = earlier.get(relation) ?? [...earlier.values()].find(({ kind }) => kind === named.kind);
      const pinned = { guarded: pins.guarded.get(relation) ?? [] };
      const kept = before ?? { readmit: false, replaced: [], ...pinned };
      return [relation, { ...kept, ...(pinsOf === "catalog" ? pinned : {}), ...named }];
    }),
  );
}
