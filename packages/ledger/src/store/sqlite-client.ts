import type * as Sqlite from "node:sqlite";
import type { BetterSQLiteSession } from "drizzle-orm/better-sqlite3/session";
import type { SqliteClient } from "./sqlite-store.ts";

// `node:sqlite` for drizzle-orm, which has no driver of its own for it yet: as much of better-sqlite3's interface as
// drizzle's session for that uses.
//
// Why not better-sqlite3: it is a binary for each platform, and came with four more packages. Processor time, medians of 7
// in one run; `stored` in sqlite-store.ts is the check for NULs that older releases of `node:sqlite` need:
//
//                                     Node.js   this   better-sqlite3   better-sqlite3 without `stored`
//   verifyChain, 100,000 rows         24.21     771    783              720 ms
//                                     22.18     889    805              760 ms
//   appendEvent                       24.21     0.95   0.95             0.96 ms
//                                     22.18     0.93   0.95             1.01 ms

/** The handle that drizzle's session expects. */
type DriverHandle = ConstructorParameters<typeof BetterSQLiteSession>[0];

export interface SqliteHandle {
  /** For drizzle and for scans. */
  readonly client: DriverHandle & SqliteClient;
  readonly close: () => void;
}

/** @param path absolute: a relative one that begins with `file:` would be taken for a URI */
export function openSqliteFile(
  path: string,
  options: { readonly readOnly: boolean; readonly timeout: number },
): SqliteHandle {
  const { DatabaseSync } = builtinSqlite();
  const database = new DatabaseSync(path, options);
  const handle = {
    prepare: (sql: string) => prepared(database, sql),
    transaction: <A extends unknown[], R>(work: (...args: A) => R) => {
      const begun =
        (mode: string) =>
        (...args: A): R =>
          transaction(database, mode, () => work(...args));
      return { deferred: begun("DEFERRED"), immediate: begun("IMMEDIATE"), exclusive: begun("EXCLUSIVE") };
    },
  };
  return { client: handle as unknown as SqliteHandle["client"], close: () => database.close() };
}

/**
 * `node:sqlite`, whose first use says on stderr that it is experimental, before Node.js 24.15: a command's stderr is for
 * what concerns its user. The option `--disable-warning` would have to be given by whoever starts Node.js, and listeners
 * for `warning` cannot be told which warnings to print. So this one is held back where it is made, while the module is
 * loaded, which is synchronous: no other warning passes here meanwhile.
 */
function builtinSqlite(): typeof Sqlite {
  const emitWarning = Object.getOwnPropertyDescriptor(process, "emitWarning") ?? {};
  Object.defineProperty(process, "emitWarning", { ...emitWarning, value: () => {} });
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    Object.defineProperty(process, "emitWarning", emitWarning);
  }
}

function prepared(database: Sqlite.DatabaseSync, sql: string) {
  const statement = database.prepare(sql);
  // An integer beyond 2^53, which a tampered row can hold, is an error otherwise.
  statement.setReadBigInts(true);
  const asArrays = {
    all: (...params: Sqlite.SQLInputValue[]) => [...asArrays.iterate(...params)],
    get: (...params: Sqlite.SQLInputValue[]) => {
      const row = statement.get(...params) as unknown as unknown[] | undefined;
      return row === undefined ? undefined : row.map(plainValue);
    },
    *iterate(...params: Sqlite.SQLInputValue[]) {
      for (const row of statement.iterate(...params)) {
        const values = row as unknown as unknown[];
        for (const [i, value] of values.entries()) values[i] = plainValue(value);
        yield values;
      }
    },
  };
  return {
    run: (...params: Sqlite.SQLInputValue[]) => statement.run(...params),
    all: (...params: Sqlite.SQLInputValue[]) => statement.all(...params).map(plainRow),
    get: (...params: Sqlite.SQLInputValue[]) => {
      const row = statement.get(...params);
      return row === undefined ? undefined : plainRow(row);
    },
    raw: () => {
      statement.setReturnArrays(true);
      return asArrays;
    },
  };
}

const plainRow = (row: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value)]));

/** Numbers and buffers, as better-sqlite3 has them. */
function plainValue(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
}

function transaction<R>(database: Sqlite.DatabaseSync, mode: string, work: () => R): R {
  database.exec(`BEGIN ${mode}`);
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // Some errors have ended it already.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
