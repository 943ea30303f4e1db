import { CommandError, type CommandContext, connect, databaseUrl } from "@scidex/audit-command";
import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import type { Sql } from "postgres";
import { explained } from "./database-error.ts";

/** The database that a command works on. */
export interface Database {
  readonly sql: Sql;
  readonly db: PostgresJsDatabase;
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
  const sql = await connect(databaseUrl(), { applicationName: `audit-chain ${use.command}` });
  const stop = (): void => void sql.end({ timeout: 0 });
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    const name = sql.options.database;
    if (use.setUp !== true) await checkSetUp(sql, name);
    return await work({ sql, db: drizzle(sql), name });
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
  throw new CommandError(
    "failed",
    `the audit chain is not set up in the database "${name}": run audit-chain init there first`,
  );
}
