import type { AnyPgDatabase } from "@scidex/audit-schema";
import { appendPrepared } from "./append-many.ts";
import { atLeast } from "./at-least.ts";
import type { ChainOptions } from "./door.ts";
import { WriterError, type WriterErrorCode, writerError } from "./errors.ts";
import { type NewEvent, type PreparedEvent, prepareEvent } from "./event.ts";
import type { Receipt } from "./receipt.ts";
import { RETRY_DEFAULTS, retrying } from "./with-retry.ts";

export interface BatchWriterOptions extends ChainOptions {
  /** How many events go into one transaction at most. */
  readonly maxBatch?: number;
  /**
   * How long an event waits at most for others before its transaction begins, in milliseconds; it waits until as many
   * have come as the transaction before had.
   */
  readonly maxDelayMs?: number;
  /** From how many held events on `ready()` makes producers wait; ten batches if not given. */
  readonly maxHeld?: number;
  /** How often a batch is tried when the database says that the same again can succeed (40001, deadlocks). */
  readonly attempts?: number;
}

export const BATCH_WRITER_DEFAULTS = { maxBatch: 500, maxDelayMs: 10, attempts: RETRY_DEFAULTS.attempts } as const;

/** Joins events that come at about the same time into one transaction, so that the chain's lock is taken once. */
export interface BatchWriter {
  /**
   * Records an event in the next transaction. Settles when that has been committed or has failed, so awaiting it is
   * all the back-pressure most callers need. Events are linked in the order of the calls.
   *
   * @throws {WriterError | CoreError} as the function `append`, for this event alone: the others of its batch are
   *   recorded. `connection_lost` when it was not acknowledged; it may have been recorded all the same, and appending
   *   it again is safe: the same event is recorded once. `closed` after `close()`.
   */
  append(event: NewEvent): Promise<Receipt>;
  /** Settles at once, or when fewer than `maxHeld` events are held: for producers that do not await each `append`. */
  ready(): Promise<void>;
  /** How many events have been taken and not been acknowledged or failed yet. */
  readonly held: number;
  /** Takes no more events, writes those it holds, and settles when each has been acknowledged or has failed. */
  close(): Promise<void>;
}

/**
 * A batch writer over a database of any PostgreSQL driver. One transaction (READ COMMITTED) is under way at a time:
 * linking is serial anyway, and so the order of the calls is the order of the links.
 *
 *     const writer = createBatchWriter(db, { maxBatch: 500, maxDelayMs: 10 });
 *     const receipts = await Promise.all(events.map((event) => writer.append(event)));
 *     await writer.close();
 *
 * @throws {RangeError} for an option that is not a positive number
 */
export function createBatchWriter(db: AnyPgDatabase, options: BatchWriterOptions = {}): BatchWriter {
  return new QueueingBatchWriter(db, options);
}

/** An event and whoever waits for it. */
interface Held {
  readonly event: PreparedEvent;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

type Result = { readonly receipt: Receipt } | { readonly error: WriterError };

/** Errors that are one event's own: the rest of its batch can be recorded without it. */
const OF_ONE_EVENT: ReadonlySet<WriterErrorCode> = new Set(["bad_event", "conflict", "reserved_kind"]);

class QueueingBatchWriter implements BatchWriter {
  readonly #db: AnyPgDatabase;
  readonly #maxBatch: number;
  readonly #maxDelayMs: number;
  readonly #maxHeld: number;
  readonly #attempts: number;
  readonly #chain: ChainOptions;
  #queue: Held[] = [];
  #inFlight = 0;
  #loop: Promise<void> | undefined;
  /**
   * As many events as the batch before had are worth waiting for: callers that await each append come again as soon as
   * they hear of it. Waiting out `maxDelayMs` each time made 64 callers three times as fast as without a batch writer,
   * this makes them twenty times as fast, and a single caller never waits.
   */
  #expected: number;
  /** Ends the wait for more events: set while there is one. */
  #hurry: (() => void) | undefined;
  #isClosed = false;
  #waiting: (() => void)[] = [];

  constructor(db: AnyPgDatabase, options: BatchWriterOptions) {
    this.#db = db;
    this.#chain = { schema: options.schema };
    this.#maxBatch = atLeast(1, "maxBatch", options.maxBatch ?? BATCH_WRITER_DEFAULTS.maxBatch);
    this.#maxDelayMs = atLeast(0, "maxDelayMs", options.maxDelayMs ?? BATCH_WRITER_DEFAULTS.maxDelayMs);
    this.#expected = this.#maxBatch;
    this.#maxHeld = atLeast(1, "maxHeld", options.maxHeld ?? 10 * this.#maxBatch);
    this.#attempts = atLeast(1, "attempts", options.attempts ?? BATCH_WRITER_DEFAULTS.attempts);
  }

  get held(): number {
    return this.#queue.length + this.#inFlight;
  }

  append(event: NewEvent): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new WriterError("closed", "the batch writer has been closed: make a new one");
      this.#queue.push({ event: prepareEvent(event), resolve, reject });
      if (this.#queue.length >= this.#expected) this.#hurry?.();
      this.#loop ??= this.#writeAll();
    });
  }

  async ready(): Promise<void> {
    while (this.held >= this.#maxHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#hurry?.();
    await this.#loop;
  }

  /** Runs as long as there is anything to write. Never rejects: what fails is said to whoever waits for it. */
  async #writeAll(): Promise<void> {
    while (this.#queue.length > 0) {
      if (this.#queue.length < this.#expected && !this.#isClosed) await this.#moreEvents();
      // Appends of the same turn belong together.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.#queue.splice(0, this.#maxBatch);
      this.#expected = batch.length;
      this.#inFlight = batch.length;
      await this.#write(batch);
      this.#inFlight = 0;
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
    this.#loop = undefined;
  }

  async #moreEvents(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#maxDelayMs);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#hurry = undefined;
  }

  async #write(batch: readonly Held[]): Promise<void> {
    try {
      const results = await this.#commit(batch.map(({ event }) => event));
      for (const [i, { resolve, reject }] of batch.entries()) {
        const result = results[i];
        if (result !== undefined && "receipt" in result) resolve(result.receipt);
        else reject(result?.error ?? new WriterError("database", "the event has no result"));
      }
    } catch (error) {
      // Nothing was acknowledged: each caller hears it of his own event.
      for (const { reject } of batch) reject(writerError(error));
    }
  }

  /** One transaction, and again where the database says that this helps. */
  async #commit(events: readonly PreparedEvent[]): Promise<Result[]> {
    const commit = (record: typeof recordAll) =>
      retrying(() => transaction(this.#db, (tx) => record(tx, events, this.#chain)), { attempts: this.#attempts });
    try {
      return await commit(recordAll);
    } catch (error) {
      if (!OF_ONE_EVENT.has(writerError(error).code)) throw error;
      return await commit(recordEach);
    }
  }
}

async function recordAll(tx: AnyPgDatabase, events: readonly PreparedEvent[], chain: ChainOptions): Promise<Result[]> {
  const receipts = await appendPrepared(tx, events, chain);
  return receipts.map((receipt) => ({ receipt }));
}

/**
 * Records the events that can be recorded: all at once in a savepoint, and where one is bad, each half on its own, so
 * that a bad event among n costs some 2·log2(n) statements.
 */
async function recordEach(tx: AnyPgDatabase, events: readonly PreparedEvent[], chain: ChainOptions): Promise<Result[]> {
  try {
    return await tx.transaction(async (savepoint) => await recordAll(savepoint, events, chain));
  } catch (cause) {
    const error = writerError(cause);
    if (!OF_ONE_EVENT.has(error.code)) throw error;
    if (events.length === 1) return [{ error }];
    const half = Math.ceil(events.length / 2);
    const first = await recordEach(tx, events.slice(0, half), chain);
    return [...first, ...(await recordEach(tx, events.slice(half), chain))];
  }
}

/**
 * A READ COMMITTED transaction. Under the `postgres` driver, work whose connection is lost never settles: the driver
 * (3.4) would write a ROLLBACK to the socket that is gone, and end the process with an uncaught TypeError. It rejects
 * the transaction by itself when the connection closes.
 */
async function transaction<T>(db: AnyPgDatabase, work: (tx: AnyPgDatabase) => Promise<T>): Promise<T> {
  const isPostgresJs = "$client" in db && typeof db.$client === "function";
  const guarded = async (tx: AnyPgDatabase): Promise<T> => {
    try {
      return await work(tx);
    } catch (error) {
      if (isPostgresJs && writerError(error).code === "connection_lost") return await new Promise<never>(() => {});
      throw error;
    }
  };
  return await db.transaction(guarded, { isolationLevel: "read committed" });
}
