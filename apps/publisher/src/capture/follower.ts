import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { Batch } from "./link/batch.ts";
import { linkBatch } from "./link/link-batch.ts";
import { type LinkNotice, type Notice, noticesOf } from "./link/notice.ts";
import { TransactionReader } from "./link/transaction-reader.ts";
import { decodeMessage } from "./pgoutput/decode-message.ts";
import type { Lsn } from "./pgoutput/lsn.ts";
import { follow } from "./position/begin-following.ts";
import { LogEnd } from "./position/log-end.ts";
import { NewPublications } from "./position/new-publications.ts";
import type { Position } from "./position/position.ts";
import { type Published, readPublished, tamperedWith } from "./position/published.ts";
import { readServer } from "./position/slot.ts";
import type { PositionFile } from "./position/position-file.ts";
import { ReplicationStream } from "./replication/stream.ts";
import { readTables } from "./rows/read-tables.ts";

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

/** How often it is looked whether somebody has changed what is sent. */
const WATCH_MS = 1_000;
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
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #sentUpTo: Lsn = 0n;
  readonly #logEnd = new LogEnd();
  #linking: Promise<void> | undefined;
  #wake: () => void = () => {};
  readonly #publications = new NewPublications();
  #published: Published;
  #watchedMs = -Infinity;
  readonly #failure = Promise.withResolvers<never>();

  constructor(sql: Sql, position: Position, options: FollowOptions) {
    this.#sql = sql;
    this.#options = options;
    this.#position = position;
    this.#reader = new TransactionReader(position);
    this.#batch = new Batch(position);
    this.#published = options.published;
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
          this.#queue.push(bytes);
          this.#queuedBytes += bytes.length;
          if (this.#queuedBytes > READ_AHEAD_BYTES) this.#stream?.pause();
          this.#wake();
        },
        sentUpTo: (lsn) => {
          this.#sentUpTo = lsn;
        },
      },
    );
    this.#stream = stream;
    const ended = stream.lost.finally(() => this.#wake());
    ended.catch(() => {});
    const stop = (): void => this.#wake();
    this.#options.signal.addEventListener("abort", stop);
    try {
      if (await this.#wasMoved()) return true;
      return await Promise.race([this.#loop(), ended, this.#failure.promise]);
    } finally {
      this.#options.signal.removeEventListener("abort", stop);
      await this.#linking?.catch(() => {});
      await stream.close();
    }
  }

  /**
   * Whether the slot was moved forward, or made anew, between the look at it and now: the server then sends from there
   * without a word. From now on it is in use, and nobody can.
   */
  async #wasMoved(): Promise<boolean> {
    const { slot } = await readServer(this.#sql);
    return slot === undefined || slot.confirmed > this.#position.linkedTo;
  }

  async #loop(): Promise<boolean> {
    while (!this.#options.signal.aborted) {
      const messages = this.#queue;
      this.#queue = [];
      this.#queuedBytes = 0;
      for (const bytes of messages) {
        await this.#take(bytes);
        if (this.#batch.isFull) await this.#flush();
      }
      this.#stream?.resume();
      if (this.#batch.events.length > 0 && this.#linking === undefined) await this.#flush();
      if (this.#queue.length > 0) continue;
      if (this.#linking === undefined) await this.#moveOn();
      if (this.#reader.isBetween) await this.#logEnd.nudge(this.#sql, this.#sentUpTo);
      const { until } = this.#options;
      if (until !== undefined && this.#position.linkedTo >= until) return false;
      if (await this.#hasTamperedPublications()) return true;
      if (await this.#hasAdopted()) return true;
      await this.#pause();
    }
    return false;
  }

  /** Whether somebody has changed what is sent: then it is begun again, which says so. */
  async #hasTamperedPublications(): Promise<boolean> {
    if (performance.now() - this.#watchedMs < WATCH_MS) return false;
    this.#watchedMs = performance.now();
    const now = await readPublished(this.#sql);
    if (tamperedWith(this.#published, now, this.#position.publications) !== null) return true;
    this.#published = now;
    return false;
  }

  /** Whether publications were taken in, from a place on at which nothing that is linked later could need them. */
  async #hasAdopted(): Promise<boolean> {
    if (this.#linking !== undefined || this.#batch.events.length > 0 || !this.#reader.isBetween) return false;
    const adoption = await this.#publications.look(this.#sql, this.#position.publications);
    const { id, slot, linkedTo } = this.#position;
    if (adoption === undefined || linkedTo < adoption.from || this.#queue.length > 0) return false;
    await follow(this.#sql, {
      before: id,
      slot,
      publications: adoption.publications,
      lsn: linkedTo,
      missedFrom: null,
    });
    return true;
  }

  /** Until something comes, a batch is linked, or a moment has passed. */
  async #pause(): Promise<void> {
    const woken = Promise.withResolvers<void>();
    this.#wake = woken.resolve;
    if (this.#queue.length > 0 || this.#options.signal.aborted) return;
    const timer = new AbortController();
    const moment = sleep(this.#options.until === undefined ? PAUSE_MS : 50, undefined, { signal: timer.signal });
    await Promise.race([woken.promise, moment, ...(this.#linking === undefined ? [] : [this.#linking])]);
    timer.abort();
    await moment.catch(() => {});
  }

  async #take(bytes: Buffer): Promise<void> {
    const message = decodeMessage(bytes);
    const notices: Notice[] = [];
    if (message.type === "relation") {
      // Whoever changes a configuration waits until all that was written before is linked: it cannot be too new.
      const { notice, warning } = this.#reader.describe(message, await readTables(this.#sql));
      if (notice !== undefined) notices.push(notice);
      if (warning !== undefined) this.#options.onWarning(warning);
    } else this.#reader.read(message, this.#batch.events, notices);
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
    const batch = this.#batch;
    batch.place = this.#reader.place;
    this.#batch = new Batch(batch.place);
    const linking = this.#link(batch).finally(() => {
      this.#linking = undefined;
    });
    linking.catch((error: unknown) => this.#failure.reject(error));
    this.#linking = linking;
  }

  async #link(batch: Batch): Promise<void> {
    const { file, onLinked, onNotice } = this.#options;
    const { systemIdentifier, slot } = this.#position;
    await file.save({ systemIdentifier, slot, published: this.#published, from: this.#position, to: batch.place });
    const { position, links } = await linkBatch(this.#sql, this.#position.id, batch);
    this.#position = { ...this.#position, ...batch.place, id: position };
    this.#stream?.acknowledge(batch.place.linkedTo);
    onLinked(batch.events.length, batch.place.linkedTo);
    for (const [i, link] of links.entries()) {
      const event = batch.events[i];
      if (event === undefined) continue;
      for (const notice of noticesOf(event, link)) await onNotice(notice);
    }
  }
}
