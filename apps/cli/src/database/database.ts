import { CommandError, type CommandContext, connect, databaseUrl } from "@scidex/audit-command";
import { type Place, placeOfClient } from "@scidex/audit-core";
import type { Sql } from "postgres";
import { explained } from "./database-error.ts";

/** The database that a command works on. */
export interface Database {
  readonly sql: Sql;
  /** Its name, for messages. */
  readonly name: string;
}

export interface DatabaseUse {
  /** The command's name: `audit-chain NAME` shows in `pg_stat_activity`. */
  readonly command: string;
  /** Whom to be, for the advice when a right is missing. */
  readonly right: string;
  /** Whether the chain may be missing there: only `init` can do without. */
  readonly setUp?: boolean;
  /** Where the chain is; by default as the environment says. */
  readonly place?: Place;
}

/**
 * Connects to the database of `AUDIT_DATABASE_URL`, does the work and disconnects. Ctrl-C ends the connection, and
 * with it the transaction that is running.
 *
 * @throws {CommandError} `configuration`, `unavailable`; `failed` where the chain has not been set up; `usage` or
 *   `failed` with the database's own reason and advice where it refuses.
 */
export async function withDatabase<T>(
  { signal }: CommandContext,
  use: DatabaseUse,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const sql = await connect(databaseUrl(), {
    applicationName: `audit-chain ${use.command}`,
    isFinding: true,
    ...(use.place === undefined ? {} : { place: use.place }),
  });
  const stop = (): void => void sql.end({ timeout: 0 });
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    const name = sql.options.database;
    if (use.setUp !== true) await checkSetUp(sql, name);
    return await work({ sql, name });
  } catch (error) {
    throw explained(error, { user: sql.options.user, right: use.right, isNaming: use.setUp !== true });
  } finally {
    signal.removeEventListener("abort", stop);
    await sql.end({ timeout: 1 });
  }
}

async function checkSetUp(sql: Sql, name: string): Promise<void> {
  const [row] = await sql<{ chain: string | null; migrations: string | null }[]>`
    select pg_catalog.to_regclass('public.audit_chain')::text as chain,
           pg_catalog.to_regclass('public.audit_chain_migrations')::text as migrations`;
  if (row?.migrations !== null && row?.chain !== null) return;
  const { schema } = placeOfClient(sql);
  const others = await sql<{ schema: string }[]>`
    select n.nspname as schema from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where c.relname = 'audit_chain_lock' and c.relkind = 'r' order by 1`;
  const advice =
    others.length === 0
      ? "run audit-chain init there first"
      : `there is one in the schema ${others.map((other) => other.schema).join(", ")}: set AUDIT_SCHEMA to it`;
  throw new CommandError(
    "failed",
    `the audit chain is not set up in the database "${name}"${schema === "public" ? "" : `, schema ${schema}`}: ${advice}`,
  );
}
