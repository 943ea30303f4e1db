import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { OWNERS, type Ours, type Step } from "./ours.ts";
import { CAPTURE_FUNCTION } from "../set-up/shipped-names.ts";

/**
 * Triggers that attach has made, of audited tables and of their partitions. Where the chain stays, tables are detached
 * first, so that it says when their auditing ended.
 */
export async function planTables(tx: AnyPgDatabase, ours: Ours): Promise<Step[]> {
  const detached = ours.keepChain ? await attachedTables(tx, ours) : [];
  const triggers = await tx
    .select({ table: sql<string>`t.tgrelid::regclass::text`, name: sql<string>`t.tgname::text` })
    .from(
      sql`pg_catalog.pg_trigger as t join pg_catalog.pg_proc as p on p.oid = t.tgfoid
          join pg_catalog.pg_class as c on c.oid = t.tgrelid`,
    )
    .where(
      sql`not t.tgisinternal and t.tgparentid = 0 and p.pronamespace = 'public'::regnamespace
          and p.proname operator(pg_catalog.~) ${CAPTURE_FUNCTION} and p.proowner in ${OWNERS}
          and not (c.relnamespace = 'public'::regnamespace and c.relname = 'audit_chain_config')`,
    )
    .orderBy(sql`1, 2`);
  const byTable = Map.groupBy(triggers, ({ table }) => table);
  return [
    ...detached.map((table): Step => ({
      removes: `the auditing of ${table}: recorded as detached`,
      // Detaching links what it records. A ticket that waits for the commit would keep its table from being dropped.
      statements: [
        sql`alter table public.audit_chain_ticket disable trigger user`,
        sql`select public.audit_chain_detach(${table}::regclass)`,
      ],
    })),
    ...(ours.keepChain && ours.tables.includes("audit_chain_pending") ? [LINK_ALL] : []),
    ...[...byTable].map(([table, own]): Step => ({
      removes: `triggers of ${table}: ${own.map(({ name }) => name).join(", ")}`,
      statements: own.map(({ name }) => sql`drop trigger if exists ${sql.identifier(name)} on ${sql.raw(table)}`),
    })),
  ];
}

/** What is captured and not linked yet is part of the chain that stays. */
const LINK_ALL: Step = {
  removes: "captured rows from the queue: linked",
  statements: [sql`select public.audit_chain_link_all()`],
};

async function attachedTables(tx: AnyPgDatabase, { tables }: Ours): Promise<string[]> {
  if (!["audit_chain_relation", "audit_chain_config"].every((name) => tables.includes(name))) return [];
  const rows = await tx
    .select({ table: sql<string>`r.relid::regclass::text` })
    .from(
      sql`public.audit_chain_relation as r join pg_catalog.pg_class as c on c.oid = r.relid
          join lateral (select k.action from public.audit_chain_config as k where k.kind = r.kind order by k.id desc limit 1) as k on true`,
    )
    .where(sql`k.action <> 'detach'`)
    .orderBy(sql`1`);
  return rows.map(({ table }) => table);
}
