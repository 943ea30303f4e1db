import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { readMigrations } from "../set-up/migrations.ts";
import { shippedNames } from "../set-up/shipped-names.ts";
import { type Ours, OWNERS, ownTables, type Step, type UninstallPlan } from "./ours.ts";
import { planMachinery } from "./plan-machinery.ts";
import { planPlatformTables } from "./plan-platform-tables.ts";
import { planRights } from "./plan-rights.ts";
import { planRoles } from "./plan-roles.ts";
import { planStreams } from "./plan-streams.ts";
import { planTables } from "./plan-tables.ts";

/**
 * Plans to remove what `init` and `attach` have made. Reads only.
 *
 * @param tx with the rights of `scidex_audit_owner`
 */
export async function planUninstall(tx: AnyPgDatabase, keepChain: boolean): Promise<UninstallPlan> {
  const names = shippedNames(readMigrations());
  const tables = await ownTables(tx, names);
  const ours: Ours = { names, keepChain, tables };
  const platform = await planPlatformTables(tx, ours);
  const roles = await planRoles(tx, ours);
  return {
    steps: [
      ...(await planTables(tx, ours)),
      ...(await planStreams(tx, ours)),
      ...(await planRights(tx, ours)),
      ...platform.steps,
      ...(await planMachinery(tx, ours)),
      ...(await planSchema(tx, ours)),
      ...roles.steps,
    ],
    kept: [...platform.kept, ...roles.kept],
    links: tables.includes("audit_chain") && !keepChain ? await countLinks(tx) : 0n,
  };
}

/** A schema of the chain's own goes where the set-up made it; what somebody has put into it keeps it. */
async function planSchema(tx: AnyPgDatabase, { keepChain }: Ours): Promise<Step[]> {
  if (keepChain) return [];
  const rows = await tx
    .select({ name: sql<string>`n.nspname::text` })
    .from(sql`pg_catalog.pg_namespace as n`)
    .where(sql`n.oid = pg_catalog.to_regnamespace('public') and n.nspname <> ${"public"} and n.nspowner in ${OWNERS}`);
  return rows.map(({ name }) => ({
    removes: `the schema ${name}`,
    isOptional: true,
    statements: [sql`drop schema ${sql.identifier(name)}`],
  }));
}

async function countLinks(tx: AnyPgDatabase): Promise<bigint> {
  const [row] = await tx.select({ links: sql<string>`pg_catalog.count(*)::text` }).from(sql`only public.audit_chain`);
  return BigInt(row?.links ?? 0);
}
