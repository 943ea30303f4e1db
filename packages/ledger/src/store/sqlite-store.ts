import { setTimeout as sleep } from "node:timers/promises";
import { and, asc, count, eq, gte, inArray, lt, ne, sql, type SQL } from "drizzle-orm";
import type { BaseSQLiteDatabase, SQLiteColumn } from "drizzle-orm/sqlite-core";
import { driverCode, driverMessage } from "./driver-error.ts";
import { LedgerError } from "../errors.ts";
import type { LedgerEvent, RawRow } from "../event/event.ts";
import { INDEXES } from "./indexes.ts";
import { SQLITE_TABLE, sqliteEvents as events } from "./sqlite-table.ts";
import { tailQuery, type EventFilter, type LedgerStore, type Page, type Tail } from "./store.ts";
import { formatStored } from "../event/timestamp.ts";

/** A drizzle database or transaction of a driver without promises: better-sqlite3, or our own over `node:sqlite`. */
export type SqliteDrizzle = BaseSQLiteDatabase<"sync", unknown, Record<string, unknown>>;

/** What of a driver's handle is used beside drizzle: rows one by one, as arrays. */
export interface SqliteClient {
  prepare(sql: string): { raw(): { iterate(...params: unknown[]): Iterable<unknown[]> } };
}

/** So many rows are fetched in one short read. */
const FETCH = 500;

/**
 * A column as it is stored: text with a NUL as bytes, and so as malformed. Before Node.js 24.15 `node:sqlite` reads a text
 * up to its first NUL only, and what somebody has put behind it would be seen by every other reader and not by us.
 * It takes some 7 percent of a verification's time.
 */
const stored = (column: SQLiteColumn): SQL =>
  sql`CASE WHEN instr(${column}, char(0)) THEN CAST(${column} AS BLOB) ELSE ${column} END`;

const COLUMNS = {
  id: stored(events.id),
  timestamp: stored(events.timestamp),
  agent_id: stored(events.agent_id),
  session_id: stored(events.session_id),
  operation: stored(events.operation),
  input_hash: stored(events.input_hash),
  output_hash: stored(events.output_hash),
  model_used: stored(events.model_used),
  human_oversight_flag: sql<unknown>`human_oversight_flag`,
  risk_flag: sql<unknown>`risk_flag`,
  prev_hmac: stored(events.prev_hmac),
  hmac: stored(events.hmac),
};

const ROWID = sql<number>`audit_events.rowid`;

/**
 * The ledger on SQLite, which the Python implementation reads too. The journal mode stays as it is: with WAL every
 * later reader, even one that may only read, would have to write files beside the ledger.
 */
export class SqliteStore implements LedgerStore {
  readonly dialect = "sqlite";
  readonly #db: SqliteDrizzle;
  readonly #client: SqliteClient | null;
  readonly #busyTimeoutMs: number;
  readonly #close: () => void;
  #prepared = false;

  /** Without the driver's own handle (in a caller's transaction) a scan holds all its rows in memory. */
  constructor(db: SqliteDrizzle, client: SqliteClient | null, busyTimeoutMs: number, close: () => void) {
    this.#db = db;
    this.#client = client;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#close = close;
  }

  async hasTable(): Promise<boolean> {
    return this.#patiently(() => {
      const found = this.#db.all(sql`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'audit_events'`);
      return found.length > 0;
    });
  }

  async append(agentId: string, make: (tail: Tail) => LedgerEvent): Promise<LedgerEvent> {
    return this.#patiently(() => {
      // BEGIN IMMEDIATE takes the write lock before the tail is read: no other process can append in between.
      const event = this.#db.transaction(
        (tx) => {
          if (!this.#prepared) prepare(tx);
          const tail = tx
            .select({ hmac: sql<string | null>`hmac`, newest: sql<unknown>`newest` })
            .from(tailQuery(agentId, sql`"timestamp"`))
            .get();
          if (tail !== undefined && typeof tail.hmac !== "string")
            throw new LedgerError("damaged_chain", "the agent's rows form a circle: verify the ledger");
          const made = make({
            hmac: tail?.hmac ?? null,
            newest: typeof tail?.newest === "string" ? tail.newest : null,
          });
          tx.insert(events)
            .values({
              ...made,
              timestamp: made.timestamp.slice(0, 26).replace("T", " "),
              human_oversight_flag: made.human_oversight_flag ? 1 : 0,
              risk_flag: made.risk_flag ? 1 : 0,
            })
            .run();
          return made;
        },
        { behavior: "immediate" },
      );
      this.#prepared = true;
      return event;
    });
  }

  async scan(filter: EventFilter, visit: (row: RawRow) => void): Promise<void> {
    await this.#patiently(() => {
      // One statement shows one state; nothing is awaited in it, so nothing of ours comes between.
      const query = this.#db
        .select(COLUMNS)
        .from(events)
        .where(matching(filter))
        .orderBy(asc(events.timestamp), asc(events.id));
      if (this.#client === null) {
        for (const row of query.all()) visit(row);
        return;
      }
      // The driver itself, since drizzle would hold all rows of a long chain at once. No column's value is mapped anyway.
      const { sql: text, params } = query.toSQL();
      // As arrays, which come in half the time of objects.
      const rows = this.#client
        .prepare(text)
        .raw()
        .iterate(...params);
      for (const values of rows) visit(rowOf(values));
    });
  }

  async batches(filter: EventFilter, visit: (rows: readonly RawRow[]) => Promise<void>): Promise<void> {
    // An open read would keep every writer from committing. So the row numbers are read at once, and the rows in short
    // reads of their own. A keyset would not do: a column may hold values that do not compare as they are read.
    const numbers = await this.#patiently(() =>
      this.#db
        .select({ rowid: ROWID })
        .from(events)
        .where(matching(filter))
        .orderBy(asc(events.timestamp), asc(events.id))
        .all()
        .map(({ rowid }) => rowid),
    );
    for (let start = 0; start < numbers.length; start += FETCH) {
      const wanted = numbers.slice(start, start + FETCH);
      const found = await this.#patiently(() =>
        this.#db
          .select({ ...COLUMNS, rowid: ROWID })
          .from(events)
          .where(inArray(ROWID, wanted))
          .all(),
      );
      const byNumber = new Map(found.map((row) => [row.rowid, row]));
      await visit(wanted.flatMap((number) => byNumber.get(number) ?? []));
    }
  }

  async page(filter: EventFilter, limit: number, offset: number): Promise<Page> {
    return this.#patiently(() =>
      this.#db.transaction((tx) => ({
        rows: tx
          .select(COLUMNS)
          .from(events)
          .where(matching(filter))
          .orderBy(asc(events.timestamp), asc(events.id))
          .limit(limit)
          .offset(offset)
          .all(),
        total: tx.select({ n: count() }).from(events).where(matching(filter)).get()?.n ?? 0,
      })),
    );
  }

  async agents(): Promise<string[]> {
    return this.#patiently(() =>
      this.#db
        .selectDistinct({ agent: COLUMNS.agent_id })
        .from(events)
        .orderBy(asc(events.agent_id))
        .all()
        .map(({ agent }) => String(agent)),
    );
  }

  async strayed(agentId: string, column: "hmac" | "prev_hmac", value: string): Promise<string | null> {
    return this.#patiently(() => {
      const found = this.#db
        .select({ id: COLUMNS.id })
        .from(events)
        .where(and(eq(events[column], value), ne(events.agent_id, agentId)))
        .limit(1)
        .get();
      return found === undefined ? null : String(found.id);
    });
  }

  async close(): Promise<void> {
    this.#close();
  }

  /**
   * SQLite's own busy timeout sleeps in the only thread there is. So the driver's is short, and the waiting is done
   * here. The time has some chance in it: processes that wait equally long would collide again.
   */
  async #patiently<T>(work: () => T): Promise<T> {
    const deadline = Date.now() + this.#busyTimeoutMs;
    for (;;) {
      try {
        return work();
      } catch (error) {
        if (error instanceof LedgerError) throw error;
        if (!isBusy(error))
          throw new LedgerError("unreachable", `the ledger's database failed: ${driverMessage(error)}`, {
            cause: error,
          });
        if (Date.now() >= deadline)
          throw new LedgerError("busy", `other writers held the ledger for ${this.#busyTimeoutMs} ms`, {
            cause: error,
          });
      }
      await sleep(2 + Math.random() * 20);
    }
  }
}

function prepare(tx: Pick<SqliteDrizzle, "run">): void {
  tx.run(sql.raw(SQLITE_TABLE));
  for (const { ddl } of INDEXES) {
    try {
      tx.run(sql.raw(ddl));
    } catch (error) {
      if (!driverCode(error).startsWith("SQLITE_CONSTRAINT")) throw error;
    }
  }
}

/** A row from its values in the order of the table's columns. */
function rowOf(v: readonly unknown[]): RawRow {
  return {
    id: v[0],
    timestamp: v[1],
    agent_id: v[2],
    session_id: v[3],
    operation: v[4],
    input_hash: v[5],
    output_hash: v[6],
    model_used: v[7],
    human_oversight_flag: v[8],
    risk_flag: v[9],
    prev_hmac: v[10],
    hmac: v[11],
  };
}

function matching(filter: EventFilter): SQL | undefined {
  return and(
    filter.agent_id === undefined ? undefined : eq(events.agent_id, filter.agent_id),
    filter.session_id === undefined ? undefined : eq(events.session_id, filter.session_id),
    filter.from === undefined ? undefined : gte(events.timestamp, formatStored(filter.from)),
    filter.to === undefined ? undefined : lt(events.timestamp, formatStored(filter.to)),
  );
}

function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(driverCode(error));
}
