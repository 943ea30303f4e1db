import type { Seq } from "@scidex/audit-core";
import type { BatchRecorder, RowBatch } from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import { PublisherError } from "../errors.ts";
import { recordBatch } from "./doors.ts";

/** What the door has said of a kind so far. */
interface Progress {
  /** The last link that is known of. */
  asOf: Seq;
  /** Keys that have got a newer event. */
  readonly changed: Set<string>;
}

/**
 * Records what one look hands over, a batch after the other, beside the look that goes on comparing: the door works in the
 * server, and the comparison here.
 */
export class RowRecorder implements BatchRecorder {
  readonly #sql: Sql;
  readonly #signal: AbortSignal | undefined;
  readonly #progress = new Map<string, Progress>();
  #last: Promise<void> = Promise.resolve();
  #rows = 0;

  constructor(sql: Sql, signal: AbortSignal | undefined) {
    this.#sql = sql;
    this.#signal = signal;
  }

  /** @param seen the last link of the look */
  take(kind: string, batch: RowBatch, seen: Seq): void {
    this.#last = this.#last.then(async () => await this.#record(kind, batch, seen));
    // It is said where all is waited for.
    this.#last.catch(() => {});
  }

  /** Waits for what was taken. Returns how many rows were recorded. @throws whatever has kept one from being recorded */
  async finish(): Promise<number> {
    await this.#last;
    return this.#rows;
  }

  async #record(kind: string, batch: RowBatch, seen: Seq): Promise<void> {
    requireUnstopped(this.#signal);
    const progress = this.#progress.get(kind) ?? { asOf: seen, changed: new Set() };
    this.#progress.set(kind, progress);
    const result = await recordBatch(this.#sql, kind, batch, progress);
    progress.asOf = result.size;
    this.#rows += result.rows;
    for (const key of result.changed) progress.changed.add(key);
  }
}

/** @throws {PublisherError} `aborted` */
export function requireUnstopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new PublisherError("aborted", "stopped while rows were recorded anew; the next run goes on");
}
