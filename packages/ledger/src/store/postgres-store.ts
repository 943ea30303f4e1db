import { createHash } from "node:crypto";
import { and, asc, count, eq, gte, lt, ne, sql, type SQL } from "drizzle-orm";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import { driverCode, driverMessage } from "./driver-error.ts";
import { LedgerError } from "../errors.ts";
import type { LedgerEvent, RawRow } from "../event/event.ts";
import { INDEXES } from "./indexes.ts";
import { POSTGRES_TABLE, postgresEvents as events } from "./postgres-table.ts";
import { tailQuery, type EventFilter, type LedgerStore, type Page, type Tail } from "./store.ts";
import { formatStored } from "../event/timestamp.ts";

/** A drizzle database or transaction over any PostgreSQL driver. */
export type PostgresDrizzle = PgDatabase<PgQueryResultHKT, Record<string, unknown>>;

/** So many rows are fetched in one go: large enough for speed, small enough for memory. */
const FETCH = 2_000;

/** How often an append is tried again after another writer came first, or the server asked for a retry. */
const ATTEMPTS = 20;

/** The lock under which the table and its indexes are made. */
const DDL_LOCK = "audit_events";

/**
 * The stored time as SQLite would hold it, whatever the session's TimeZone and DateStyle are. `BC` is asked for and taken
 * off only where it says AD: without it, the year 2026 BC would read as 2026. Infinity reads as an empty text.
 */
const TIMESTAMP_TEXT = sql<string>`replace(to_char(audit_events."timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US BC'), ' AD', '')`;

const COLUMNS = {
  id: events.id,
  timestamp: TIMESTAMP_TEXT.as("timestamp_text"),
  agent_id: events.agent_id,
  session_id: events.session_id,
  operation: events.operation,
  input_hash: events.input_hash,
  output_hash: events.output_hash,
  model_used: events.model_used,
  human_oversight_flag: events.human_oversight_flag,
  risk_flag: events.risk_flag,
  prev_hmac: events.prev_hmac,
  hmac: events.hmac,
};

/** The ledger on PostgreSQL. */
export class PostgresStore implements LedgerStore {
  readonly dialect = "postgresql";
  readonly #db: PostgresDrizzle;
  readonly #close: () => Promise<void>;
  #prepared: Promise<void> | null = null;

  constructor(db: PostgresDrizzle, close: () => Promise<void>) {
    this.#db = db;
    this.#close = close;
  }

  async hasTable(): Promise<boolean> {
    return guarded(async () => (await relations(this.#db, ["audit_events"])).size > 0);
  }

  async append(agentId: string, make: (tail: Tail) => LedgerEvent): Promise<LedgerEvent> {
    return guarded(async () => {
      await this.#prepare();
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await this.#db.transaction((tx) => appendUnderLock(tx, agentId, make), {
            isolationLevel: "read committed",
          });
        } catch (error) {
          // 23505 on our index: a writer that takes no lock was faster. Its row is the tail now.
          if (attempt >= ATTEMPTS || !["23505", "40001", "40P01"].includes(driverCode(error))) throw error;
        }
      }
    });
  }

  async scan(filter: EventFilter, visit: (row: RawRow) => void): Promise<void> {
    await this.batches(filter, async (rows) => {
      for (const row of rows) visit(row);
    });
  }

  async batches(filter: EventFilter, visit: (rows: readonly RawRow[]) => Promise<void>): Promise<void> {
    await guarded(() =>
      this.#db.transaction(
        async (tx) => {
          let after: SQL | undefined;
          for (;;) {
            const rows = await tx
              .select({ ...COLUMNS, key: sql<string>`audit_events."timestamp"::text`.as("key") })
              .from(events)
              .where(and(matching(filter), after))
              .orderBy(asc(events.timestamp), asc(events.id))
              .limit(FETCH);
            await visit(rows);
            const last = rows.at(-1);
            if (last === undefined || rows.length < FETCH) return;
            after = sql`(audit_events."timestamp", audit_events.id) > (${last.key}::timestamptz, ${last.id})`;
          }
        },
        // One snapshot for all pages: a row that is committed meanwhile must not look like one out of order.
        { isolationLevel: "repeatable read", accessMode: "read only" },
      ),
    );
  }

  async page(filter: EventFilter, limit: number, offset: number): Promise<Page> {
    return guarded(() =>
      this.#db.transaction(
        async (tx) => {
          const rows = await tx
            .select(COLUMNS)
            .from(events)
            .where(matching(filter))
            .orderBy(asc(events.timestamp), asc(events.id))
            .limit(limit)
            .offset(offset);
          const [counted] = await tx.select({ n: count() }).from(events).where(matching(filter));
          return { rows, total: counted?.n ?? 0 };
        },
        { isolationLevel: "repeatable read", accessMode: "read only" },
      ),
    );
  }

  async agents(): Promise<string[]> {
    return guarded(async () => {
      const found = await this.#db
        .selectDistinct({ agent: events.agent_id })
        .from(events)
        .orderBy(asc(events.agent_id));
      return found.map(({ agent }) => agent);
    });
  }

  async strayed(agentId: string, column: "hmac" | "prev_hmac", value: string): Promise<string | null> {
    return guarded(async () => {
      const [found] = await this.#db
        .select({ id: events.id })
        .from(events)
        .where(and(eq(events[column], value), ne(events.agent_id, agentId)))
        .limit(1);
      return found?.id ?? null;
    });
  }

  async close(): Promise<void> {
    await this.#close();
  }

  async #prepare(): Promise<void> {
    this.#prepared ??= prepare(this.#db);
    try {
      await this.#prepared;
    } catch (error) {
      this.#prepared = null;
      throw error;
    }
  }
}

/** A session-independent number for an advisory lock: the first 8 bytes of SHA-256, as the signed 64 bits PostgreSQL takes. */
function lockNumber(name: string): string {
  return createHash("sha256").update(name, "utf8").digest().readBigInt64BE(0).toString();
}

async function appendUnderLock(
  tx: PostgresDrizzle,
  agentId: string,
  make: (tail: Tail) => LedgerEvent,
): Promise<LedgerEvent> {
  // A statement of its own: under READ COMMITTED the next one then sees what the lock's last holder committed.
  const [session] = await tx
    .select({ isolation: sql<string>`current_setting('transaction_isolation')` })
    .from(sql`pg_advisory_xact_lock(${lockNumber(`audit_events ${agentId}`)}::bigint)`);
  if (session?.isolation !== "read committed")
    throw new LedgerError(
      "isolation",
      `an append needs READ COMMITTED: under ${session?.isolation ?? "this isolation"} it may not see the row before`,
    );
  const [tail] = await tx
    .select({ hmac: sql<string | null>`hmac`, newest: sql<string | null>`newest` })
    .from(tailQuery(agentId, TIMESTAMP_TEXT));
  if (tail !== undefined && tail.hmac === null)
    throw new LedgerError("damaged_chain", "the agent's rows form a circle: verify the ledger");
  const made = make({ hmac: tail?.hmac ?? null, newest: tail?.newest ?? null });
  await tx.insert(events).values(made);
  return made;
}

async function relations(db: PostgresDrizzle, names: readonly string[]): Promise<Set<string>> {
  const list = sql.join(
    names.map((name) => sql`${name}`),
    sql`, `,
  );
  const found = await db
    .select({ name: sql<string>`name` })
    .from(sql`unnest(ARRAY[${list}]::text[]) AS name`)
    .where(sql`to_regclass(quote_ident(name)) IS NOT NULL`);
  return new Set(found.map(({ name }) => name));
}

/** Makes the table and its indexes where they are missing and this role may; once per handle. */
async function prepare(db: PostgresDrizzle): Promise<void> {
  const wanted = ["audit_events", ...INDEXES.map(({ name }) => name)];
  const known = await relations(db, wanted);
  if (known.size === wanted.length) return;
  await db.transaction(async (tx) => {
    // CREATE … IF NOT EXISTS from two sessions at once fails on the catalog's own unique indexes.
    await tx.select({ done: sql<string>`'done'` }).from(sql`pg_advisory_xact_lock(${lockNumber(DDL_LOCK)}::bigint)`);
    if (!known.has("audit_events")) await tx.execute(sql.raw(POSTGRES_TABLE));
    for (const { name, ddl } of INDEXES) {
      if (known.has(name)) continue;
      try {
        await tx.transaction((savepoint) => savepoint.execute(sql.raw(ddl)));
      } catch (error) {
        // Rows that are forked already, or a role that does not own the table: go on without the index.
        if (!["23505", "42501"].includes(driverCode(error))) throw error;
      }
    }
  });
}

function matching(filter: EventFilter): SQL | undefined {
  const at = (micros: bigint): string => `${formatStored(micros)}+00`;
  return and(
    filter.agent_id === undefined ? undefined : eq(events.agent_id, filter.agent_id),
    filter.session_id === undefined ? undefined : eq(events.session_id, filter.session_id),
    filter.from === undefined ? undefined : gte(events.timestamp, at(filter.from)),
    filter.to === undefined ? undefined : lt(events.timestamp, at(filter.to)),
  );
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LedgerError) throw error;
    throw new LedgerError("unreachable", `the ledger's database failed: ${driverMessage(error)}`, { cause: error });
  }
}
