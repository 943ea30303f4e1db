import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "./database.ts";
import { SchemaError } from "./errors.ts";
import { type Migration, readMigrations } from "./migrations.ts";
import { INSTALLER_FUNCTIONS, INSTALLER_TABLES } from "./rights.ts";
import { sqlState } from "./sql-state.ts";

/** What `migrate` did. */
export interface MigrateResult {
  /** Names of the migrations that were applied now; empty where the schema was up to date. */
  readonly applied: readonly string[];
  /** Id of the newest migration that the database has. */
  readonly version: number;
  /** What an operator should know, such as a server that lets the creator of a role administer it. */
  readonly warnings: readonly string[];
}

/** Key of the advisory lock under which migrations run: the first 8 bytes of SHA-256("audit_chain_migrations"). */
const LOCK_KEY = sql.raw("-2779842539584520670");

/** Roles are cluster-wide: set-ups of several databases at once meet with these. They pass when repeated. */
const PASSING = new Set(["42710", "23505", "XX000", "40001", "40P01", "42P06", "55P03"]);

/**
 * In some databases everyone may create objects in public. A function planted there, with the name of one of
 * PostgreSQL's own and a closer match for the arguments, would be called with the installer's rights. So public is not
 * on the path at all. Tables that drizzle-kit writes have no schema in front of their names.
 */
const SAFE_PATH = sql`set local search_path = pg_catalog, pg_temp`;
const UNQUALIFIED = /^(CREATE|ALTER) (TABLE|INDEX|UNIQUE INDEX) "/;

/** Number of times a set-up is repeated when another one gets in its way. */
export const MIGRATE_ATTEMPTS = 20;

interface Session {
  readonly me: string;
  readonly superuser: boolean;
  readonly serverVersion: number;
}

const one = <T>(rows: readonly T[]): T => {
  const [row] = rows;
  if (row === undefined) throw new Error("the database returned no row where one is certain");
  return row;
};

async function readSession(tx: AnyPgDatabase): Promise<Session> {
  const rows = await tx
    .select({
      me: sql<string>`current_user::text`,
      superuser: sql<boolean>`rolsuper`,
      serverVersion: sql<number>`pg_catalog.current_setting('server_version_num')::int`,
    })
    .from(sql`pg_catalog.pg_roles`)
    .where(sql`rolname = current_user`);
  return one(rows);
}

async function readApplied(tx: AnyPgDatabase): Promise<{ id: number; sha256: string }[]> {
  const found = await tx
    .select({
      name: sql<string>`o.name`,
      kind: sql<string>`o.kind`,
      isOurs: sql<boolean>`o.owner = 'scidex_audit_owner'`,
    })
    .from(
      sql`(select c.relname::text as name, 'relation' as kind, pg_catalog.pg_get_userbyid(c.relowner)::text as owner
             from pg_catalog.pg_class as c where c.relnamespace = 'public'::regnamespace and c.relkind <> 'i'
           union all
           select p.proname::text, 'function', pg_catalog.pg_get_userbyid(p.proowner)::text
             from pg_catalog.pg_proc as p where p.pronamespace = 'public'::regnamespace) as o`,
    )
    .where(sql`pg_catalog.starts_with(o.name, 'audit_chain')`);
  const isSetUp = found.some((o) => o.kind === "relation" && o.name === "audit_chain_migrations" && o.isOurs);
  if (!isSetUp) {
    if (found.some((o) => o.name === "audit_chain")) {
      throw new SchemaError(
        "other_shape",
        "public.audit_chain is there already, but not from this package (an earlier implementation?). Nothing was changed. " +
          "Rename it, for example with ALTER TABLE public.audit_chain RENAME TO earlier_audit_chain, and run the set-up again; " +
          "rows that it covers are chained anew by audit-backfill.",
      );
    }
    const [first] = found;
    // Whoever plants a function under one of our names would have it run, or owned, by our owner.
    if (first !== undefined) {
      throw new SchemaError(
        "other_shape",
        `The ${first.kind} public.${first.name} is there already, but not from this package. Nothing was changed. ` +
          "Names in public that begin with audit_chain belong to the audit chain: rename or drop it, and run the set-up again.",
      );
    }
    return [];
  }
  return await tx
    .select({ id: sql<number>`m.id`, sha256: sql<string>`m.sha256` })
    .from(sql`public.audit_chain_migrations as m`)
    .orderBy(sql`m.id`);
}

function pendingMigrations(
  applied: readonly { id: number; sha256: string }[],
  shipped: readonly Migration[],
): Migration[] {
  for (const row of applied) {
    const known = shipped.find((m) => m.id === row.id);
    if (known === undefined) {
      throw new SchemaError(
        "newer_schema",
        `The database has migration ${row.id}, this release ends with ${shipped.length - 1}. Use the release that set the database up, or a newer one.`,
      );
    }
    if (known.sha256 !== row.sha256) {
      throw new SchemaError(
        "migration_changed",
        `Migration ${known.name} was applied with other contents (SHA-256 ${row.sha256}, this release ships ${known.sha256}). Use an unmodified release.`,
      );
    }
  }
  return shipped.filter((m) => !applied.some((row) => row.id === m.id));
}

async function runOnce(db: AnyPgDatabase, shipped: readonly Migration[]): Promise<MigrateResult> {
  return await db.transaction(async (tx) => {
    await tx.execute(sql`select pg_catalog.pg_advisory_xact_lock(${LOCK_KEY})`);
    await tx.execute(SAFE_PATH);
    await tx.execute(sql`set local client_min_messages = warning`);
    const missing = pendingMigrations(await readApplied(tx), shipped);
    const session = await readSession(tx);
    const warnings: string[] = [];
    if (missing.length > 0) {
      await tx.execute(
        sql`create table if not exists public.audit_chain_migrations (id integer primary key, name text not null, sha256 text not null, applied_at timestamptz not null default pg_catalog.now())`,
      );
      await enterOwner(tx, session);
      for (const migration of missing) {
        for (const statement of migration.statements) {
          if (!UNQUALIFIED.test(statement)) await tx.execute(sql.raw(statement));
          else {
            await tx.execute(sql`set local search_path = public, pg_temp`);
            await tx.execute(sql.raw(statement));
            await tx.execute(SAFE_PATH);
          }
        }
        await tx.execute(
          sql`insert into public.audit_chain_migrations (id, name, sha256) values (${migration.id}, ${migration.name}, ${migration.sha256})`,
        );
      }
      await leaveOwner(tx, session);
      warnings.push(...(await readWarnings(tx)));
    }
    return { applied: missing.map((m) => m.name), version: shipped.length - 1, warnings };
  });
}

/** Takes, for this transaction, what is needed to create objects of the owner role. A superuser needs nothing. */
async function enterOwner(tx: AnyPgDatabase, session: Session): Promise<void> {
  await tx.execute(
    sql`do $$ begin if not exists (select from pg_catalog.pg_roles where rolname = 'scidex_audit_owner') then create role scidex_audit_owner nologin; end if; end $$`,
  );
  await tx.execute(sql`grant create, usage on schema public to scidex_audit_owner`);
  if (session.superuser) return;
  const withOptions = session.serverVersion >= 160000 ? sql` with inherit true, set true` : sql``;
  await tx.execute(sql`grant scidex_audit_owner to ${sql.identifier(session.me)}${withOptions}`);
}

/** Gives the owner role back, and lets whoever set up the schema attach tables. */
async function leaveOwner(tx: AnyPgDatabase, session: Session): Promise<void> {
  if (session.superuser) return;
  const me = sql.identifier(session.me);
  for (const table of INSTALLER_TABLES) await tx.execute(sql`grant select on ${sql.raw(`public.${table}`)} to ${me}`);
  for (const name of INSTALLER_FUNCTIONS)
    await tx.execute(sql`grant execute on function ${sql.raw(`public.${name}`)} to ${me}`);
  await tx.execute(sql`revoke scidex_audit_owner from ${me}`);
}

/** What the set-up could not do, or cannot prevent. */
async function readWarnings(tx: AnyPgDatabase): Promise<string[]> {
  const members = await tx
    .select({ member: sql<string>`m.member::regrole::text` })
    .from(sql`pg_catalog.pg_auth_members as m`)
    .where(sql`m.roleid = 'scidex_audit_owner'::regrole`);
  const warnings = members.map(
    ({ member }) =>
      `${member} keeps the right to administer scidex_audit_owner, because it created that role: a superuser can take it away with REVOKE scidex_audit_owner FROM ${member} GRANTED BY the role that granted it.`,
  );
  const state = one(
    await tx
      .select({
        alerts: sql<boolean>`pg_catalog.has_table_privilege('scidex_audit_alert', 'public.senate_alerts', 'INSERT')`,
        creators: sql<string | null>`case when pg_catalog.current_setting('server_version_num')::int < 160000 then
          (select pg_catalog.string_agg(r.rolname::text, ', ') from pg_catalog.pg_roles as r where r.rolcreaterole and not r.rolsuper) end`,
      })
      .from(sql`(select 1) as one`),
  );
  if (!state.alerts)
    warnings.push(
      "scidex_audit_alert may not write alerts: the owner of public.senate_alerts has to run GRANT INSERT ON public.senate_alerts TO scidex_audit_alert.",
    );
  if (state.creators !== null)
    warnings.push(
      `Before PostgreSQL 16 every role with CREATEROLE can make itself a member of scidex_audit_owner, here ${state.creators}: take CREATEROLE away once the set-up is done.`,
    );
  return warnings;
}

/**
 * Brings the schema of the audit chain up to date: tables, functions, triggers and roles. Safe to repeat, and to run at
 * once from several places and in several databases of one server. It works in one transaction under an advisory lock,
 * and keeps its own table of applied migrations. It repeats itself when another database's set-up creates the same
 * roles at the same moment.
 *
 * @param db a drizzle database over any PostgreSQL driver; its role is a superuser, or has CREATEROLE and may create
 *   objects in the schema public.
 * @throws {SchemaError} `other_shape`, `newer_schema`, `migration_changed`, `no_right`, `contention`
 */
export async function migrate(db: AnyPgDatabase): Promise<MigrateResult> {
  const shipped = readMigrations();
  for (let attempt = 1; ; attempt++) {
    try {
      return await runOnce(db, shipped);
    } catch (error) {
      const state = sqlState(error);
      if (state === "42501") {
        throw new SchemaError(
          "no_right",
          "The set-up needs a superuser, or a role with CREATEROLE that may create objects in the schema public " +
            `(the database's owner may; else GRANT CREATE ON SCHEMA public TO … WITH GRANT OPTION) and, where another role created the scidex_audit_… roles, ADMIN OPTION on them. The database said: ${databaseMessage(error)}`,
          { cause: error },
        );
      }
      if (state === undefined || !PASSING.has(state)) throw error;
      if (attempt >= MIGRATE_ATTEMPTS) {
        throw new SchemaError(
          "contention",
          `Other set-ups on this server got in the way ${attempt} times. Run it again.`,
          { cause: error },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 20 * attempt + Math.random() * 100));
    }
  }
}

function databaseMessage(error: unknown): string {
  let current: unknown = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  return current instanceof Error ? current.message : String(current);
}
