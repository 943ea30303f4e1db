import { finished, Readable } from "node:stream";
import type { Sql, TransactionSql } from "postgres";
import { VerifierError } from "./errors.ts";
import type { Relation } from "./database/relation.ts";
import { identifier } from "./sql-text.ts";

/** Text of every value exactly as capture hashes it (DESIGN, "Row payload"), and nothing that others could replace. */
const SETTINGS = [
  // First: a database can have limits that are too short even for what follows.
  "statement_timeout = 0",
  "idle_in_transaction_session_timeout = 0",
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
  // Rows come from sequential scans, from their beginning: an index can be made to lie.
  "synchronize_seqscans = off",
  "enable_seqscan = on",
  "enable_indexscan = off",
  "enable_indexonlyscan = off",
  "enable_bitmapscan = off",
  // A table that is being rewritten is `unproven` this time, and never waited for: behind us, writers would queue up.
  "lock_timeout = '2s'",
] as const;

/** The bytes of a COPY that is under way, chunk by chunk. */
export type Chunks = Pick<AsyncIterator<Buffer>, "next">;

/** One of the connections that see the snapshot. It does one thing at a time. */
export interface Lane {
  /** Runs a query of the catalogs or of a small table. */
  readonly query: TransactionSql;
  /** The server's encoding, as `server_encoding` names it. */
  readonly encoding: string;
  /** Streams the result of `COPY (…) TO STDOUT`. It must be read to its end before the lane is used again. */
  copy(query: string, format: "binary" | "text"): Promise<Chunks>;
  /**
   * Streams bare columns of one relation's own rows (without those of its children), in whatever order they stand there.
   * It must be read to its end before the lane is used again.
   */
  scan(relation: Relation, columns: readonly string[], format: "binary" | "text"): Promise<Chunks>;
  /** Runs `work`, whose queries may be refused: then its error is thrown, and the lane is still good. */
  attempt<T>(work: (lane: Lane) => Promise<T>): Promise<T>;
}

/** One consistent state of the database, seen by two connections or more, so that chain and table can be streamed side by side. */
export type Snapshot = readonly [Lane, Lane, ...Lane[]];

/**
 * Rows are copied together as they come, into pieces of this many bytes. A stream that keeps them one by one, and joins them
 * when it is read, took 5 to 10 % longer to verify.
 */
const PIECE_BYTES = 2 ** 16;
/** Bytes that wait for their reader before the connection has to. */
const MAX_WAITING = 8 * PIECE_BYTES;

/**
 * A COPY that somebody may leave in the middle. The driver cannot break one off inside a transaction: whatever is sent
 * next, a ROLLBACK too, waits for ever for the rest to be read. So the rest is read.
 */
class OpenCopy implements Chunks {
  readonly #stream: Readable;
  readonly #pieces: Buffer[] = [];
  #piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #filled = 0;
  /** Bytes of the pieces. */
  #waiting = 0;
  #end: { readonly error: Error | null | undefined } | undefined;
  #isLost = false;
  #waiters: (() => void)[] = [];

  constructor(stream: Readable) {
    this.#stream = stream;
    finished(stream, { writable: false }, (error) => this.#finish(error));
    stream.on("data", (row: Buffer) => this.#take(row));
  }

  #take(row: Buffer): void {
    if (this.#filled + row.length > PIECE_BYTES) this.#pass();
    if (row.length > PIECE_BYTES) {
      this.#offer(row);
    } else {
      this.#piece.set(row, this.#filled);
      this.#filled += row.length;
    }
  }

  /** Hands on what has been put together. */
  #pass(): void {
    if (this.#filled === 0) return;
    this.#offer(this.#piece.subarray(0, this.#filled));
    this.#piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    this.#filled = 0;
  }

  #offer(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#waiting += piece.length;
    if (this.#waiting >= MAX_WAITING) this.#stream.pause();
    this.#wake();
  }

  #finish(error: Error | null | undefined): void {
    this.#pass();
    this.#end = { error };
    this.#isLost = isLoss(error);
    try {
      // The driver stops reading the connection when this stream is full, and goes on when the stream asks for more. If
      // what filled it came together with the end, it never asks, and the next query would wait for ever.
      if (!this.#isLost) this.#stream._read(0);
    } catch {
      // All of it has come, and the connection has gone since.
      this.#isLost = true;
    }
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async next(): Promise<IteratorResult<Buffer>> {
    while (this.#pieces.length === 0 && this.#end === undefined)
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
      });
    const value = this.#pieces.shift();
    if (value !== undefined) {
      this.#waiting -= value.length;
      if (this.#pieces.length === 0) this.#stream.resume();
      return { done: false, value };
    }
    if (this.#end?.error) throw this.#end.error;
    return { done: true, value: undefined };
  }

  /** Whether the connection is known to have gone. */
  get isLost(): boolean {
    return this.#isLost;
  }

  async drain(): Promise<void> {
    try {
      while (this.#end === undefined) await this.next();
    } catch {
      // It has ended; why is no matter any more.
    }
  }
}

/** Whether an error says that the server ends the connection, or that it has gone. */
const isLoss = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  /^(?:08|57P0|CONNECTION_|ECONNRESET|EPIPE)/u.test(String(error.code)) &&
  // The server says such things of its own connections to others, too.
  (!("severity" in error) || error.severity === "FATAL" || error.severity === "PANIC");

/**
 * Throws what made the work of a transaction fail, so that it is rolled back; never ends where a connection is lost. The
 * driver would send the ROLLBACK, and fall over if this connection is gone by the time that it is written (an uncaught
 * exception). The transaction on the lost connection is rejected by the driver itself, and that is enough.
 */
async function leave(error: unknown): Promise<never> {
  if (isLoss(error)) await new Promise(() => {});
  throw error;
}

/** Ends a subtransaction whose work is done. */
class RollBack extends Error {}

class SnapshotLane implements Lane {
  readonly query: TransactionSql;
  readonly encoding: string;
  #copy: OpenCopy | undefined;
  #opening: Promise<unknown> = Promise.resolve();

  constructor(query: TransactionSql, encoding: string) {
    this.query = query;
    this.encoding = encoding;
  }

  async copy(query: string, format: "binary" | "text"): Promise<Chunks> {
    const open = async () => {
      let copy: OpenCopy | undefined;
      const pending = this.query.unsafe(`copy (${query}) to stdout (format ${format})`);
      // The driver may already have an error when it hands out the stream, and emits it before whoever waits for the stream
      // runs again: an uncaught exception, and an end without a report. So it is taken from the driver's own hand.
      const hand = pending as unknown as { resolve: (value: unknown) => void };
      const { resolve } = hand;
      hand.resolve = (value) => {
        if (value instanceof Readable) copy ??= new OpenCopy(value);
        resolve(value);
      };
      const stream = await pending.readable();
      this.#copy = copy ?? new OpenCopy(stream);
      return this.#copy;
    };
    const opening = open();
    this.#opening = opening.catch(() => {});
    return await opening;
  }

  async scan(relation: Relation, columns: readonly string[], format: "binary" | "text"): Promise<Chunks> {
    const list = columns.map((column) => `t.${identifier(column)}`).join(", ");
    const from = `only ${identifier(relation.schema)}.${identifier(relation.name)}`;
    return await this.copy(`select ${list} from ${from} as t`, format);
  }

  async attempt<T>(work: (lane: Lane) => Promise<T>): Promise<T> {
    let done: { readonly value: T } | undefined;
    try {
      await this.query.savepoint(async (inner) => {
        const lane = new SnapshotLane(inner, this.encoding);
        try {
          done = { value: await work(lane) };
        } catch (error) {
          return await leave(error);
        } finally {
          await lane.breakOff();
        }
        // Rolled back all the same: that gives back its locks. Behind one that is kept, DDL would wait for our end,
        // and every writer of the table behind the DDL.
        throw new RollBack();
      });
    } catch (error) {
      if (!(error instanceof RollBack) || done === undefined) throw error;
    }
    return (done as { readonly value: T }).value;
  }

  /**
   * To be called when work on this lane has ended, before the driver ends its transaction. Work that failed elsewhere can
   * have left a COPY that has been asked for and has not begun.
   */
  async breakOff(): Promise<void> {
    await this.#opening;
    await this.#copy?.drain();
    // Work may have ended well without having read it all: see `leave`.
    if (this.#copy?.isLost === true) await new Promise(() => {});
  }
}

async function prepare(tx: TransactionSql): Promise<void> {
  for (const setting of SETTINGS) await tx.unsafe(`set local ${setting}`);
  // Since PostgreSQL 17; a database can have set it to less than a verification takes. Whether there is one is not asked
  // of pg_settings: that is a view, and one that somebody put in its place ran his function in this session.
  const [server] = await tx<{ server_version_num: string }[]>`show server_version_num`;
  if (Number(server?.server_version_num) >= 170_000) await tx.unsafe("set local transaction_timeout = 0");
}

const MODE = "isolation level repeatable read read only";

/**
 * Opens a REPEATABLE READ READ ONLY snapshot on several connections, and closes it whatever happens: what is still
 * streaming when `work` fails is read to its end first. Where a connection is lost it fails at once, and leaves the others
 * as they are: the client is of no use then, and has to be ended, with a time limit.
 *
 * @param lanes on how many connections, once the first can be asked; two at least, and no more than the client has
 * @throws VerifierError `client` if the client has less than two connections
 */
export async function withSnapshot<T>(
  sql: Sql,
  work: (snapshot: Snapshot) => Promise<T>,
  lanes: (first: Lane) => Promise<number> = async () => 2,
): Promise<T> {
  if (sql.options.max < 2)
    throw new VerifierError("client", `A client with at least two connections is needed (max), this one has one.`);
  // Each connection's transaction begins inside that of the one before, and ends before it. So the loss of one would have
  // to wait for those around it to be rolled back, and that can be for ever: where all of a COPY has come, and nobody reads
  // it, the driver does not read the answer to its ROLLBACK either.
  const loss = Promise.withResolvers<never>();
  const begin = async <R>(inside: (tx: TransactionSql) => Promise<R>): Promise<{ value: R }> => {
    try {
      return await sql.begin(MODE, async (tx) => ({ value: await inside(tx).catch(leave) }));
    } catch (error) {
      if (isLoss(error)) loss.reject(error);
      throw error;
    }
  };
  const whole = begin(async (first) => {
    await prepare(first);
    const [exported] = await first<{ name: string; encoding: string }[]>`
      select pg_catalog.pg_export_snapshot() as name, pg_catalog.current_setting('server_encoding') as encoding`;
    const { name = "", encoding = "" } = exported ?? {};
    const lane = new SnapshotLane(first, encoding);
    const most = Math.min(await lanes(lane), sql.options.max);
    const open = async (others: readonly SnapshotLane[]): Promise<T> => {
      const [second, ...more] = others;
      if (second !== undefined && others.length >= most - 1) return await work([lane, second, ...more]);
      const { value } = await begin(async (next) => {
        const beside = new SnapshotLane(next, encoding);
        try {
          await next.unsafe(`set transaction snapshot '${name.replaceAll("'", "''")}'`);
          await prepare(next);
          return await open([...others, beside]);
        } finally {
          await beside.breakOff();
        }
      });
      return value;
    };
    try {
      return await open([]);
    } finally {
      await lane.breakOff();
    }
  });
  return (await Promise.race([whole, loss.promise])).value;
}
