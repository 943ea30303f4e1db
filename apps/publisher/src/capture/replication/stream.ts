import { TEXT_SETTINGS } from "@scidex/audit-core";
import { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import postgres, { type Sql } from "postgres";
import { PublisherError } from "../../errors.ts";
import { type Lsn, lsnText } from "../pgoutput/lsn.ts";

/** What is done with what comes from the write-ahead log. Both are called at once, in the log's order. */
export interface StreamHandler {
  /** A message of `pgoutput`. */
  message(bytes: Buffer): void;
  /** Everything that was committed before this position has been sent. */
  sentUpTo(lsn: Lsn): void;
}

export interface StreamOptions {
  readonly slot: string;
  readonly publications: readonly string[];
  /** What has been committed before is not sent. The server goes on where the slot is, if that is later. */
  readonly from: Lsn;
}

/** How often the server hears of us: within its `wal_sender_timeout`, 60 s unless configured, also while we are busy. */
const STATUS_EVERY_MS = 10_000;

/** How long the server may take to hear that we end. */
const CLOSE_WITHIN_MS = 5_000;

/** Each value has the text that is hashed, and nothing ends the session: it is idle by its nature. */
const SETTINGS = [...TEXT_SETTINGS, "client_encoding = 'UTF8'", "statement_timeout = 0", "idle_session_timeout = 0"];

/**
 * The write-ahead log as `pgoutput` decodes it, through the `postgres` driver's own replication protocol.
 *
 * Why not `pg-logical-replication` (2.5.0): it acknowledges the newest message that it has seen, by a timer, unless that is
 * switched off, and adds 1 to whatever it acknowledges. With that off, nobody answers the server while we are busy. And it
 * brings a second driver. Here nothing is acknowledged but by `acknowledge`, the socket waits while `pause` is on, and
 * TLS, sockets and passwords are those of every other connection of ours.
 */
export class ReplicationStream {
  readonly #client: Sql;
  readonly #handler: StreamHandler;
  readonly #loss = Promise.withResolvers<never>();
  readonly #closed = Promise.withResolvers<void>();
  #stream: Duplex | undefined;
  #timer: NodeJS.Timeout | undefined;
  #acknowledged: Lsn;

  private constructor(options: Sql["options"], from: Lsn, handler: StreamHandler) {
    this.#acknowledged = from;
    this.#handler = handler;
    this.#loss.promise.catch(() => {});
    this.#client = postgres({
      ...options,
      max: 1,
      // The extended protocol is not spoken here.
      fetch_types: false,
      target_session_attrs: undefined,
      idle_timeout: null,
      max_lifetime: null,
      parameters: {},
      shared: { retries: 0, typeArrayMap: {} },
      connection: { ...options.connection, replication: "database" },
      onnotice: () => {},
      onclose: () => {
        this.#closed.resolve();
        this.#loss.reject(Object.assign(new Error("the connection was lost"), { code: "CONNECTION_CLOSED" }));
      },
    } as unknown as postgres.Options<Record<string, never>>);
  }

  /** @param options the parsed options of a client of the database, whose login has REPLICATION */
  static async open(options: Sql["options"], what: StreamOptions, handler: StreamHandler): Promise<ReplicationStream> {
    const stream = new ReplicationStream(options, what.from, handler);
    try {
      await Promise.race([stream.#start(what), stream.lost]);
      return stream;
    } catch (error) {
      await stream.close();
      throw error;
    }
  }

  async #start({ slot, publications, from }: StreamOptions): Promise<void> {
    await this.#client.unsafe(SETTINGS.map((setting) => `set ${setting}`).join("; ")).simple();
    const names = publications.map((name) => `"${name.replaceAll('"', '""')}"`).join(",");
    const stream = await this.#client
      .unsafe(
        `START_REPLICATION SLOT "${slot.replaceAll('"', '""')}" LOGICAL ${lsnText(from)} ("proto_version" '1', "publication_names" '${names.replaceAll("'", "''")}')`,
      )
      .writable();
    if (!(stream instanceof Duplex)) throw new PublisherError("stream", "the driver has opened no stream both ways");
    this.#stream = stream;
    stream.on("error", (error) => this.#loss.reject(error));
    stream.on("end", () => this.#loss.reject(new PublisherError("stream", "the server has ended the stream")));
    // Never by an async iterator: it would join what has been buffered, and a message does not say how long it is.
    stream.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#timer = setInterval(() => this.#tell(), STATUS_EVERY_MS);
  }

  /** Rejects when the connection is lost, or what comes cannot be dealt with. */
  get lost(): Promise<never> {
    return this.#loss.promise;
  }

  /** No more is read from the socket; up to 128 KiB that were read before still come. */
  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  /** Tells the server that everything before this position is safe: it will never be sent again. */
  acknowledge(lsn: Lsn): void {
    if (lsn > this.#acknowledged) this.#acknowledged = lsn;
    this.#tell();
  }

  /**
   * Ends it, so that the slot is free. What still comes is read and thrown away: a server with 4 MB to be sent that nobody read
   * was seen to hold the slot for more than half a minute after we had gone.
   */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream !== undefined) {
      stream.removeAllListeners("data");
      stream.on("data", () => {});
      stream.on("end", () => this.#closed.resolve());
      stream.resume();
      stream.end();
      const heard = new AbortController();
      const late = sleep(CLOSE_WITHIN_MS, undefined, { signal: heard.signal }).catch(() => {});
      await Promise.race([this.#closed.promise, late]);
      heard.abort();
    }
    await this.#client.end({ timeout: 0 });
  }

  /** Documentation, "Streaming Replication Protocol": XLogData (w) and primary keepalive (k). */
  #take(bytes: Buffer): void {
    try {
      if (bytes[0] === 0x77 && bytes.length > 25) this.#handler.message(bytes.subarray(25));
      else if (bytes[0] === 0x6b && bytes.length === 18) {
        this.#handler.sentUpTo(bytes.readBigUInt64BE(1));
        if (bytes[17] === 1) this.#tell();
      } else throw new PublisherError("stream", "the server has sent what is no message of the replication protocol");
    } catch (error) {
      this.#loss.reject(error);
      void this.close();
    }
  }

  /** A standby status update (r): what is written, flushed and applied is one to us. */
  #tell(): void {
    if (this.#stream?.writable !== true) return;
    const message = Buffer.alloc(34);
    message.write("r");
    for (const at of [1, 9, 17]) message.writeBigUInt64BE(this.#acknowledged, at);
    message.writeBigInt64BE(BigInt(Date.now() - Date.UTC(2000, 0, 1)) * 1000n, 25);
    this.#stream.write(message);
  }
}
