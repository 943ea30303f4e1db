import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import type { Ours, Step } from "./ours.ts";

/** What tables in the mode `stream` have: publications, and a slot that keeps the log for nobody once they are gone. */
export async function planStreams(tx: AnyPgDatabase, { tables }: Ours): Promise<Step[]> {
  const publications = await tx
    .select({ name: sql<string>`p.pubname::text` })
    .from(sql`pg_catalog.pg_publication as p`)
    .where(sql`p.pubname operator(pg_catalog.~) '^audit_chain_[0-9]+$'`)
    .orderBy(sql`1`);
  const slots = tables.includes("audit_chain_position")
    ? await tx
        .select({ name: sql<string>`s.slot_name::text` })
        .from(sql`pg_catalog.pg_replication_slots as s`)
        .where(
          sql`s.database = current_database() and s.slot_name in (select p.slot::name from public.audit_chain_position as p)`,
        )
    : [];
  return [
    ...publications.map(({ name }) => ({
      removes: `the publication ${name}`,
      statements: [sql`drop publication ${sql.identifier(name)}`],
    })),
    ...slots.map(({ name }) => ({
      removes: `the replication slot ${name}`,
      statements: [sql`select pg_catalog.pg_drop_replication_slot(${name})`],
    })),
  ];
}
