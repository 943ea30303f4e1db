import type { Sql } from "postgres";
import { Batch } from "./link/batch.ts";
import { fence } from "./link/fence.ts";
import { linkBatch } from "./link/link-batch.ts";
import { type LinkNotice, type Notice, noticesOf } from "./link/notice.ts";
import { TransactionReader } from "./link/transaction-reader.ts";
import { decodeMessage } from "./pgoutput/decode-message.ts";
import type { Relation } from "./pgoutput/message.ts";
import type { Lsn } from "./pgoutput/lsn.ts";
import { follow } from "./position/begin-following.ts";
import { LogEnd } from "./position/log-end.ts";
import { NewPublications } from "./position/new-publications.ts";
import type { Place, Position } from "./position/position.ts";
import type { Published } from "./position/published.ts";
import { PublishedWatch } from "./position/published-watch.ts";
import { wasMoved } from "./position/slot.ts";
import type { PositionFile } from "./position/position-file.ts";
import { Inbox } from "./replication/inbox.ts";
import { ReplicationStream } from "./replication/stream.ts";
import { readTables } from "./rows/read-tables.ts";
import { untilVisible } from "./rows/until-visible.ts";

/** What is said while the log is followed. */
export interface CaptureListener {
  /** Events were linked, and will never come again. */
  readonly onLinked: (events: number, linkedTo: Lsn) => void;
  /** Something that should not be; with the link that says it, where there is one. */
  readonly onNotice: (notice: Notice | LinkNotice) => Promise<void>;
  /** Something that can be better. */
  readonly onWarning: (text: string) => void;
}

export interface FollowOptions extends CaptureListener {
  readonly file: PositionFile;
  /** As it was when following began. */
  readonly published: Published;
  /** Ends when everything before this place is linked. */
  readonly until?: Lsn | undefined;
  readonly signal: AbortSignal;
}

/** More than this is not read ahead of linking, but for what the socket had. */
const READ_AHEAD_BYTES = 1024 * 1024;

/**
 * How long events are gathered once a batch is linked, in milliseconds. A batch costs 3 ms of processor time, and two writes
 * that wait for the disk, however few events it has: with one as soon as the one before was linked, 1,000 commits a second
 * took 230 batches, and 780 µs of processor time each.
 */
const GATHER_MS = 100;

/** How long it is waited for something to come. */
const PAUSE_MS = 250;

/**
 * Follows the log from a position, and links what it brings, until the signal comes, `until` is reached, or something
 * fails. While one batch is being linked, the next is read.
 */
export class Follower {
  readonly #sql: Sql;
  readonly #options: FollowOptions;
  readonly #reader: TransactionReader;
  #position: Position;
  #batch: Batch;
  #stream: ReplicationStream | undefined;
  readonly #inbox = new Inbox();
  #sentUpTo: Lsn = 0n;
  readonly #logEnd = new LogEnd();
  #linking: Promise<void> | undefined;
  readonly #publications = new NewPublications();
  readonly #watch: PublishedWatch;
  #flushedMs = -Infinity;
  readonly #failure = Promise.withResolvers<never>();

  constructor(sql: Sql, position: Position, options: FollowOptions) {
    this.#sql = sql;
    this.#options = options;
    this.#position = position;
    this.#reader = new TransactionReader(position, options.file.remembered?.whole ?? []);
    this.#batch = new Batch(position);
    this.#watch = new PublishedWatch(options.published);
    this.#failure.promise.catch(() => {});
  }

  /** @returns whether it has to be begun again: publications have come, or somebody has moved what is followed */
  async run(): Promise<boolean> {
    const { slot, publications, linkedTo } = this.#position;
    const stream = await ReplicationStream.open(
      this.#sql.options,
      { slot, publications, from: linkedTo },
      {
        message: (bytes) => {
          if (this.#inbox.put(bytes) > READ_AHEAD_BYTES) this.#stream?.pause();
        },
        sentUpTo: (lsn) => {
          this.#sentUpTo = lsn;
        },
      },
    );
    this.#stream = stream;
    const ended = stream.lost.finally(() => this.#inbox.wake());
    ended.catch(() => {});
    const stop = (): void => this.#inbox.wake();
    this.#options.signal.addEventListener("abort", stop);
    try {
      const position = (await wasMoved(this.#sql, this.#position.linkedTo))
        ? undefined
        : await fence(this.#sql, this.#options.file, this.#position);
      if (position === undefined) return true;
      this.#position = position;
      return await Promise.race([this.#loop(), ended, this.#failure.promise]);
    } finally {
      this.#options.signal.removeEventListener("abort", stop);
      await this.#linking?.catch(() => {});
      await stream.close();
    }
  }

  async #loop(): Promise<boolean> {
    while (!this.#options.signal.aborted) {
      for (const bytes of this.#inbox.takeAll()) {
        // A promise for each message would take as long as reading it.
        const said = this.#take(bytes);
        if (said !== undefined) await said;
        if (this.#batch.isFull) await this.#flush();
      }
      this.#stream?.resume();
      const isDue = this.#linking === undefined && this.#gatheringMs <= 0;
      if (isDue && this.#batch.events.length > 0) await this.#flush();
      if (!this.#inbox.isEmpty) continue;
      if (isDue && this.#linking === undefined) await this.#moveOn();
      if (this.#reader.isBetween) await this.#logEnd.nudge(this.#sql, this.#sentUpTo);
      const { until } = this.#options;
      if (until !== undefined && this.#position.linkedTo >= until) return false;
      if (await this.#watch.isTampered(this.#sql, this.#position.publications)) return true;
      if (await this.#hasAdopted()) return true;
      await this.#pause();
    }
    return false;
  }

  /**
   * Whether publications were taken in, from a place on at which nothing that is linked later could need them. What was read
   * is linked first: under a steady load there is no moment at which nothing waits. What was not comes again.
   */
  async #hasAdopted(): Promise<boolean> {
    const adoption = await this.#publications.look(this.#sql, this.#position.publications);
    if (adoption === undefined || !this.#reader.isBetween) return false;
    if (this.#batch.events.length > 0) await this.#flush();
    await this.#linking;
    const { id, slot, linkedTo } = this.#position;
    if (linkedTo < adoption.from) return false;
    const { publications } = adoption;
    await this.#remember({ ...this.#position, publications });
    await follow(this.#sql, { before: id, slot, publications, lsn: linkedTo, missedFrom: null });
    return true;
  }

  /** How long more is gathered, in milliseconds. Whoever ends at a place wants to be there. */
  get #gatheringMs(): number {
    return this.#options.until === undefined ? this.#flushedMs + GATHER_MS - performance.now() : 0;
  }

  /** Until something comes, a batch is linked, or a moment has passed. */
  async #pause(): Promise<void> {
    const gatheringMs = this.#gatheringMs;
    if (gatheringMs > 0) await this.#inbox.wait(gatheringMs, READ_AHEAD_BYTES / 2);
    else await this.#inbox.wait(this.#options.until === undefined ? PAUSE_MS : 50, 0);
  }

  /** Reads a message; what takes longer comes as a promise. */
  #take(bytes: Buffer): Promise<void> | undefined {
    const message = decodeMessage(bytes);
    if (message.type === "relation") return this.#describe(message);
    const notices: Notice[] = [];
    this.#reader.read(message, this.#batch.events, notices);
    return notices.length === 0 ? undefined : this.#say(notices);
  }

  async #describe(relation: Relation): Promise<void> {
    const { xid } = this.#reader;
    if (xid !== undefined) await untilVisible(this.#sql, xid, this.#options.signal);
    // Whoever changes a configuration waits until all that was written before is linked: it cannot be too new.
    const { notice, warning } = this.#reader.describe(relation, await readTables(this.#sql));
    if (notice !== undefined) await this.#say([notice]);
    if (warning !== undefined) this.#options.onWarning(warning);
  }

  async #say(notices: readonly Notice[]): Promise<void> {
    for (const notice of notices) await this.#options.onNotice(notice);
  }

  /** Nothing of ours has come: the place moves on with the log, so that the server need not keep it. */
  async #moveOn(): Promise<void> {
    if (!this.#reader.isBetween) return;
    this.#reader.passTo(this.#sentUpTo);
    const { linkedTo } = this.#reader.place;
    const { until } = this.#options;
    if (linkedTo <= this.#position.linkedTo) return;
    const isAwaited = this.#publications.isWaiting || (until !== undefined && linkedTo >= until);
    if (!isAwaited && !this.#logEnd.isDue(linkedTo)) return;
    await this.#flush();
    await this.#linking;
    await this.#logEnd.wrote(this.#sql, linkedTo);
  }

  /** Begins to link what has been read, once the batch before is. */
  async #flush(): Promise<void> {
    await this.#linking;
    this.#flushedMs = performance.now();
    const batch = this.#batch;
    batch.place = this.#reader.place;
    this.#batch = new Batch(batch.place);
    this.#linking = this.#link(batch);
    this.#linking.catch((error: unknown) => this.#failure.reject(error));
  }

  async #link(batch: Batch): Promise<void> {
    const { onLinked, onNotice } = this.#options;
    await this.#remember({ ...batch.place, publications: this.#position.publications });
    const { position, links } = await linkBatch(this.#sql, this.#position.id, batch);
    this.#position = { ...this.#position, ...batch.place, id: position };
    this.#stream?.acknowledge(batch.place.linkedTo);
    onLinked(batch.events.length, batch.place.linkedTo);
    for (const [i, link] of links.entries()) {
      const event = batch.events[i];
      if (event === undefined) continue;
      for (const notice of noticesOf(event, link)) await onNotice(notice);
    }
    // Only here: behind a batch that could not be linked, the next one would be linked without it.
    this.#linking = undefined;
    this.#inbox.wake();
  }

  /** Before the database is told where it goes on: whichever of the two places it then has is an honest one. */
  async #remember(to: Place & Pick<Position, "publications">): Promise<void> {
    const { systemIdentifier, slot } = this.#position;
    const { whole } = this.#reader;
    const { published } = this.#watch;
    await this.#options.file.save({
      systemIdentifier,
      slot,
      published,
      from: this.#position,
      to,
      whole,
    });
  }
}
