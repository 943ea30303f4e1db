import { sqlState } from "@scidex/audit-core";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { missingMigrations } from "./applied-migrations.ts";
import { asOwner, makeSchema } from "./as-owner.ts";
import { beginSetUp } from "./begin-set-up.ts";
import { databaseMessage } from "./database-message.ts";
import type { AnyPgDatabase } from "../database.ts";
import { SchemaError } from "../errors.ts";
import { makeRoom } from "./make-room.ts";
import { type Migration, readMigrations } from "./migrations.ts";
import { runStatement } from "./run-statement.ts";
import { readLossWarnings, readSetUpWarnings } from "./set-up-warnings.ts";
import { shippedNames } from "./shipped-names.ts";

/** What `migrate` did. */
export interface MigrateResult {
  /** Names of the migrations that were applied now; empty where the schema was up to date. */
  readonly applied: readonly string[];
  /** Id of the newest migration that the database has. */
  readonly version: number;
  /** What an operator should know, such as a server that lets the creator of a role administer it. */
  readonly warnings: readonly string[];
}

/** Options of `migrate`. */
export interface MigrateOptions {
  /**
   * Whether an `audit_chain` of an earlier implementation makes room: it is called `earlier_audit_chain` then. There must
   * be one, under either name.
   */
  readonly adopt?: boolean | undefined;
}

/** Number of times a set-up is repeated when another one gets in its way. */
export const MIGRATE_ATTEMPTS = 20;

/**
 * Brings the schema of the audit chain up to date: tables, functions, triggers and roles. Safe to repeat, and to run at
 * once from several places and in several databases of one server. It works in one transaction under an advisory lock,
 * and keeps its own table of applied migrations. It repeats itself when another database's set-up creates the same
 * roles at the same moment.
 *
 * @param db a drizzle database over any PostgreSQL driver; its role is a superuser, or has CREATEROLE and may create
 *   objects in the schema public. Over a client from `clientAt` (@scidex/audit-core) the chain gets the schema
 *   and the roles of that place; a schema that is not there needs CREATE on the database.
 * @throws {SchemaError} `other_shape`, `newer_schema`, `migration_changed`, `no_right`, `contention`, `not_adoptable`
 */
export async function migrate(db: AnyPgDatabase, { adopt = false }: MigrateOptions = {}): Promise<MigrateResult> {
  const shipped = readMigrations();
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(async (tx) => await setUp(tx, shipped, adopt));
    } catch (error) {
      const said = explained(error, attempt);
      if (said !== null) throw said;
      await sleep(20 * attempt + Math.random() * 100);
    }
  }
}

/** Everything, in the caller's transaction. */
async function setUp(tx: AnyPgDatabase, shipped: readonly Migration[], adopt: boolean): Promise<MigrateResult> {
  await beginSetUp(tx);
  if (adopt) await makeRoom(tx);
  await makeSchema(tx);
  const missing = await missingMigrations(tx, shipped);
  const version = shipped.length - 1;
  if (missing.length === 0)
    return { applied: [], version, warnings: await readLossWarnings(tx, shippedNames(shipped)) };
  await tx.execute(
    sql`create table if not exists public.audit_chain_migrations (id integer primary key, name text not null, sha256 text not null, applied_at timestamptz not null default pg_catalog.now())`,
  );
  await asOwner(tx, async () => {
    for (const migration of missing) await apply(tx, migration);
  });
  return { applied: missing.map(({ name }) => name), version, warnings: await readSetUpWarnings(tx) };
}

async function apply(tx: AnyPgDatabase, { id, name, sha256, statements }: Migration): Promise<void> {
  for (const statement of statements) await runStatement(tx, statement);
  await tx.execute(
    sql`insert into public.audit_chain_migrations (id, name, sha256) values (${id}, ${name}, ${sha256})`,
  );
}

/** Roles are cluster-wide: set-ups of several databases at once meet with these. They pass when repeated. */
const PASSING = new Set(["42710", "23505", "XX000", "40001", "40P01", "42P06", "55P03"]);

/** What to say of a set-up that has failed; null where it is to be tried again. */
function explained(error: unknown, attempt: number): unknown {
  const state = sqlState(error);
  if (state === "42501")
    return new SchemaError(
      "no_right",
      "The set-up needs a superuser, or a role with CREATEROLE that may create objects in the schema public " +
        `(the database's owner may; else GRANT CREATE ON SCHEMA public TO … WITH GRANT OPTION) and, where another role created the scidex_audit_… roles, ADMIN OPTION on them. The database said: ${databaseMessage(error)}`,
      { cause: error },
    );
  if (state === undefined || !PASSING.has(state)) return error;
  if (attempt < MIGRATE_ATTEMPTS) return null;
  return new SchemaError("contention", `Other set-ups on this server got in the way ${attempt} times. Run it again.`, {
    cause: error,
  });
}
