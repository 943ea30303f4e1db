import type { Readable } from "node:stream";
import type { Sql, TransactionSql } from "postgres";

/** Text of every value exactly as capture hashes it (DESIGN, "Row payload"), and nothing that others could replace. */
const SETTINGS = [
  "search_path = pg_catalog, pg_temp",
  "row_security = off",
  "TimeZone = 'UTC'",
  "DateStyle = 'ISO'",
  "IntervalStyle = 'postgres'",
  "bytea_output = 'hex'",
  "extra_float_digits = 1",
  "lc_monetary = 'C'",
  "quote_all_identifiers = off",
  "client_encoding = 'UTF8'",
  // Rows come from sequential scans: an index can be made to lie.
  "enable_indexscan = off",
  "enable_indexonlyscan = off",
  "enable_bitmapscan = off",
  "statement_timeout = 0",
  // A table that is being rewritten is looked at again later, not waited for.
  "lock_timeout = '10s'",
] as const;

/** One of the connections that see the snapshot. It does one thing at a time. */
export interface Lane {
  /** Runs a query of the catalogs or of a small table. */
  readonly query: TransactionSql;
  /** Streams the result of `COPY (…) TO STDOUT`. It must be read to its end before the lane is used again. */
  copy(query: string, format: "binary" | "text"): Promise<Readable>;
  /** Runs `work`, whose queries may be refused: then its error is thrown, and the lane is still good. */
  attempt<T>(work: (lane: Lane) => Promise<T>): Promise<T>;
}

/** One consistent state of the database, seen by two connections, so that chain and table can be streamed side by side. */
export type Snapshot = readonly [Lane, Lane];

function makeLane(tx: TransactionSql): Lane {
  return {
    query: tx,
    copy: async (query, format) => await tx.unsafe(`copy (${query}) to stdout (format ${format})`).readable(),
    attempt: async <T>(work: (lane: Lane) => Promise<T>) => {
      const result = await tx.savepoint(async (inner) => ({ value: await work(makeLane(inner)) }));
      return (result as { value: T }).value;
    },
  };
}

async function prepare(tx: TransactionSql): Promise<void> {
  for (const setting of SETTINGS) await tx.unsafe(`set local ${setting}`);
}

/**
 * Opens a REPEATABLE READ READ ONLY snapshot on two connections. When `work` fails in the middle of a stream, the caller must end the client: such a connection cannot be used again.
 */
export async function withSnapshot<T>(sql: Sql, work: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  const mode = "isolation level repeatable read read only";
  const result = await sql.begin(mode, async (first) => {
    await prepare(first);
    const [exported] = await first<{ name: string }[]>`select pg_catalog.pg_export_snapshot() as name`;
    const name = exported?.name ?? "";
    return await sql.begin(mode, async (second) => {
      await second.unsafe(`set transaction snapshot '${name.replaceAll("'", "''")}'`);
      await prepare(second);
      return { value: await work([makeLane(first), makeLane(second)]) };
    });
  });
  return (result as { value: T }).value;
}
