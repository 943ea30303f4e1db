import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { SchemaError } from "../errors.ts";
import type { Migration } from "./migrations.ts";

/** A row of `audit_chain_migrations`. */
interface AppliedMigration {
  readonly id: number;
  readonly sha256: string;
}

/**
 * The migrations that the database does not have yet.
 *
 * @throws {SchemaError} `other_shape`, `newer_schema`, `migration_changed`
 */
export async function missingMigrations(tx: AnyPgDatabase, shipped: readonly Migration[]): Promise<Migration[]> {
  const applied = (await isSetUp(tx)) ? await appliedMigrations(tx, shipped) : new Set();
  return shipped.filter(({ id }) => !applied.has(id));
}

/**
 * Ids of the migrations that the database has, by its own table of them, which must be there.
 *
 * @throws {SchemaError} `newer_schema`, `migration_changed`
 */
export async function appliedMigrations(
  tx: AnyPgDatabase,
  shipped: readonly Migration[],
): Promise<ReadonlySet<number>> {
  const applied: AppliedMigration[] = await tx
    .select({ id: sql<number>`m.id`, sha256: sql<string>`m.sha256` })
    .from(sql`public.audit_chain_migrations as m`)
    .orderBy(sql`m.id`);
  for (const row of applied) checkApplied(row, shipped);
  return new Set(applied.map(({ id }) => id));
}

/** Whether this package has set the database up. Else nothing may have a name of ours. */
async function isSetUp(tx: AnyPgDatabase): Promise<boolean> {
  const found = await tx
    .select({
      name: sql<string>`o.name`,
      kind: sql<string>`o.kind`,
      isOurs: sql<boolean>`o.owner = 'scidex_audit_owner'`,
    })
    .from(
      sql`(select c.relname::text as name, case when c.relkind = 'i' then 'index' else 'relation' end as kind, pg_catalog.pg_get_userbyid(c.relowner)::text as owner
             from pg_catalog.pg_class as c where c.relnamespace = 'public'::regnamespace
           union all
           select p.proname::text, 'function', pg_catalog.pg_get_userbyid(p.proowner)::text
             from pg_catalog.pg_proc as p where p.pronamespace = 'public'::regnamespace) as o`,
    )
    .where(sql`pg_catalog.starts_with(o.name, 'audit_chain')`);
  if (found.some((o) => o.kind === "relation" && o.name === "audit_chain_migrations" && o.isOurs)) return true;
  if (found.some((o) => o.name === "audit_chain_migrations") && found.some((o) => o.name === "audit_chain_config"))
    throw new SchemaError(
      "other_shape",
      "There is an audit chain in public, and its tables do not belong to scidex_audit_owner. Nothing was changed. " +
        "If it was restored without owners, run: audit-chain init --repair",
    );
  if (found.some((o) => o.name === "audit_chain")) {
    throw new SchemaError(
      "other_shape",
      "public.audit_chain is there already, but not from this package (an earlier implementation?). Nothing was changed. " +
        "To take an earlier chain over, run: audit-chain init --adopt (it is renamed, audited and stays as it is). " +
        "Else rename or drop it with its sequences and indexes, and run the set-up again.",
    );
  }
  const first = found.find(({ kind }) => kind !== "index") ?? found[0];
  if (first === undefined) return false;
  if (first.kind === "index")
    throw new SchemaError(
      "other_shape",
      `The index public.${first.name} is there already, but not from this package. Nothing was changed. ` +
        "An index of ours is to have that name: rename it, and run the set-up again. " +
        "If it is that of an earlier chain that was renamed to earlier_audit_chain, run: audit-chain init --adopt",
    );
  // Whoever plants a function under one of our names would have it run, or owned, by our owner.
  throw new SchemaError(
    "other_shape",
    `The ${first.kind} public.${first.name} is there already, but not from this package. Nothing was changed. ` +
      "Names in public that begin with audit_chain belong to the audit chain: rename or drop it, and run the set-up again. " +
      "What a dump without the chain's tables has left goes with audit-chain uninstall.",
  );
}

function checkApplied({ id, sha256 }: AppliedMigration, shipped: readonly Migration[]): void {
  const known = shipped.find((migration) => migration.id === id);
  if (known === undefined)
    throw new SchemaError(
      "newer_schema",
      `The database has migration ${id}, this release ends with ${shipped.length - 1}. Use the release that set the database up, or a newer one.`,
    );
  if (known.sha256 !== sha256)
    throw new SchemaError(
      "migration_changed",
      `Migration ${known.name} was applied with other contents (SHA-256 ${sha256}, this release ships ${known.sha256}). Use an unmodified release.`,
    );
}
