import type { Seq } from "@scidex/audit-core";
import type { BatchRecorder, RowBatch } from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import { setTimeout as sleep } from "node:timers/promises";
import { PublisherError } from "../errors.ts";
import { type BatchTexts, recordBatch, textsOf } from "./doors.ts";

/** What the door has said of a kind so far. */
interface Progress {
  /** The last link that is known of. */
  asOf: Seq;
  /** Keys that have got a newer event. */
  readonly changed: Set<string>;
}

/** What was taken and waits for the door. */
interface Waiting {
  readonly kind: string;
  readonly batch: RowBatch;
  /** The last link of the look that has handed it over. */
  readonly seen: Seq;
  /** Made while the batch before is recorded, and for how many keys that had changed by then. */
  ready?: { readonly texts: BatchTexts; readonly changed: number };
}

/** Milliseconds after which a statement has been sent. */
const SENT_MS = 1;

/**
 * Records what one look hands over, a batch after the other, beside the look that goes on comparing: the door works in the
 * server, and the comparison here.
 */
export class RowRecorder implements BatchRecorder {
  readonly #sql: Sql;
  readonly #signal: AbortSignal | undefined;
  readonly #progress = new Map<string, Progress>();
  readonly #waiting: Waiting[] = [];
  #last: Promise<void> = Promise.resolve();
  #rows = 0;

  constructor(sql: Sql, signal: AbortSignal | undefined) {
    this.#sql = sql;
    this.#signal = signal;
  }

  /** @param seen the last link of the look */
  take(kind: string, batch: RowBatch, seen: Seq): void {
    this.#waiting.push({ kind, batch, seen });
    this.#last = this.#last.then(async () => await this.#recordNext());
    // It is said where all is waited for.
    this.#last.catch(() => {});
  }

  /** Waits for what was taken. Returns how many rows were recorded. @throws whatever has kept one from being recorded */
  async finish(): Promise<number> {
    await this.#last;
    return this.#rows;
  }

  async #recordNext(): Promise<void> {
    requireUnstopped(this.#signal);
    const next = this.#waiting.shift();
    if (next === undefined) return;
    const progress = this.#progressOf(next);
    const recording = recordBatch(this.#sql, next.kind, this.#textsOf(next), progress.asOf);
    const [result] = await Promise.all([recording, sleep(SENT_MS).then(() => this.#prepareNext())]);
    progress.asOf = result.size;
    this.#rows += result.rows;
    for (const key of result.changed) progress.changed.add(key);
  }

  #progressOf({ kind, seen }: Waiting): Progress {
    const progress = this.#progress.get(kind) ?? { asOf: seen, changed: new Set() };
    this.#progress.set(kind, progress);
    return progress;
  }

  /** Meanwhile the server works: at a million rows, a thirtieth of all that recording them takes. */
  #prepareNext(): void {
    const [next] = this.#waiting;
    if (next !== undefined) this.#textsOf(next);
  }

  #textsOf(next: Waiting): BatchTexts {
    const { changed } = this.#progressOf(next);
    if (next.ready?.changed !== changed.size)
      next.ready = { texts: textsOf(next.batch, changed), changed: changed.size };
    return next.ready.texts;
  }
}

/** @throws {PublisherError} `aborted` */
export function requireUnstopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new PublisherError("aborted", "stopped while rows were recorded anew; the next run goes on");
}
