import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { is } from "drizzle-orm";
import { BetterSQLiteSession } from "drizzle-orm/better-sqlite3/session";
import { drizzle as drizzlePostgres } from "drizzle-orm/postgres-js";
import { PgDatabase } from "drizzle-orm/pg-core";
import { BaseSQLiteDatabase, SQLiteSyncDialect } from "drizzle-orm/sqlite-core";
import postgres from "postgres";
import { LedgerError } from "../errors.ts";
import { DEFAULT_LOCATION, parseLocation } from "./location.ts";
import { PostgresStore, type PostgresDrizzle } from "./postgres-store.ts";
import { openSqliteFile } from "./sqlite-client.ts";
import { type SqliteClient, type SqliteDrizzle, SqliteStore } from "./sqlite-store.ts";
import type { LedgerStore } from "./store.ts";

/** How long an append waits for other writers of the same SQLite file, in milliseconds. */
export const DEFAULT_BUSY_TIMEOUT_MS = 60_000;

/** The driver's own share of that: while it waits, the whole process waits. */
const DRIVER_TIMEOUT_MS = 100;

/** An open ledger. Printing or serialising it shows its kind of database and nothing else. */
export class Ledger {
  readonly #store: LedgerStore;
  #closed = false;

  constructor(store: LedgerStore) {
    this.#store = store;
  }

  get dialect(): "sqlite" | "postgresql" {
    return this.#store.dialect;
  }

  /** @throws {LedgerError} `closed` */
  get store(): LedgerStore {
    if (this.#closed) throw new LedgerError("closed", "this ledger has been closed");
    return this.#store;
  }

  /** Closes connections that `openLedger` made; a database that the caller gave stays open. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#store.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  toJSON(): { dialect: "sqlite" | "postgresql" } {
    return { dialect: this.dialect };
  }
}

/** What the functions of this package work on: an open ledger, or a drizzle database (or transaction) of the caller's. */
export type LedgerSource = Ledger | SqliteDrizzle | PostgresDrizzle;

export interface OpenOptions {
  /** `read` creates nothing and refuses to write; `write` creates parent folders and the file. Default `write`. */
  readonly access?: "read" | "write";
  /** How long to wait for other writers of a SQLite file; default 60 s. */
  readonly busyTimeoutMs?: number;
}

/**
 * Opens the ledger at `location`: see `parseLocation` for its forms; by default `AUDIT_LEDGER_DB`, else
 * `/var/log/molecule/audit_ledger.db`. Each call is a handle of its own. PostgreSQL is connected to at the first use.
 *
 * @throws {LedgerError} `database_url`, `missing_database` (reading), `unreachable`
 */
export function openLedger(
  location: string = process.env["AUDIT_LEDGER_DB"] || DEFAULT_LOCATION,
  options: OpenOptions = {},
): Ledger {
  const { access = "write", busyTimeoutMs = DEFAULT_BUSY_TIMEOUT_MS } = options;
  const place = parseLocation(location);
  return new Ledger(
    place.dialect === "sqlite" ? openSqlite(place.path, access, busyTimeoutMs) : openPostgres(place.url, access),
  );
}

function openSqlite(path: string, access: "read" | "write", busyTimeoutMs: number): SqliteStore {
  if (access === "read" && !existsSync(path))
    throw new LedgerError("missing_database", `there is no ledger at ${path}`);
  try {
    if (access === "write") mkdirSync(dirname(path), { recursive: true });
    const { client, close } = openSqliteFile(resolve(path), {
      readOnly: access === "read",
      timeout: DRIVER_TIMEOUT_MS,
    });
    const dialect = new SQLiteSyncDialect();
    const session = new BetterSQLiteSession<Record<string, unknown>, Record<string, never>>(client, dialect, undefined);
    return new SqliteStore(new BaseSQLiteDatabase("sync", dialect, session, undefined), client, busyTimeoutMs, close);
  } catch (error) {
    const why = error instanceof Error ? error.message : "unknown reason";
    throw new LedgerError("unreachable", `the ledger at ${path} cannot be opened: ${why}`, { cause: error });
  }
}

function openPostgres(url: string, access: "read" | "write"): PostgresStore {
  let client;
  try {
    client = postgres(url, {
      max: 4,
      onnotice: () => undefined,
      // A pooler in between must not be asked to keep prepared statements.
      prepare: false,
      connection: {
        application_name: "audit-ledger",
        ...(access === "read" ? { default_transaction_read_only: true } : {}),
      },
    });
  } catch {
    // The driver's error repeats the URL, and with it the password.
    throw new LedgerError("database_url", "AUDIT_LEDGER_DB is not a URL of a PostgreSQL database");
  }
  const open = client;
  return new PostgresStore(drizzlePostgres(open), () => open.end({ timeout: 5 }));
}

/** The handle of better-sqlite3 behind a drizzle database of the caller's; null in a transaction. */
function clientOf(source: object): SqliteClient | null {
  const client = "$client" in source ? source.$client : null;
  return typeof client === "object" && client !== null && "prepare" in client ? (client as SqliteClient) : null;
}

const wrapped = new WeakMap<object, Ledger>();

/** The ledger behind a source. A caller's drizzle database is wrapped once, so that its table is prepared once. */
export function ledgerOf(source: LedgerSource): Ledger {
  if (source instanceof Ledger) return source;
  const known = wrapped.get(source);
  if (known !== undefined) return known;
  let store: LedgerStore;
  if (is(source, BaseSQLiteDatabase)) {
    store = new SqliteStore(source, clientOf(source), DEFAULT_BUSY_TIMEOUT_MS, () => undefined);
  } else if (is(source, PgDatabase)) {
    store = new PostgresStore(source, async () => undefined);
  } else {
    throw new LedgerError("database_url", "the ledger needs openLedger's handle or a drizzle database");
  }
  const ledger = new Ledger(store);
  wrapped.set(source, ledger);
  return ledger;
}
