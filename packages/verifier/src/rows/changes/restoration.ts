import type { Micros, Seq } from "@scidex/audit-core";
import type { KeyEvent } from "../key-group.ts";

/** Rows of a kind that were put back as they had been recorded. */
export interface RestoredRows {
  readonly kind: string;
  /** How many events say so: a row can have several. */
  readonly rows: number;
  /** The newest of them, and when it was linked; null where that is no finite time. */
  readonly seq: Seq;
  readonly at: Micros | null;
}

/** Counts the events by which rows were put back: who reads a report is to see that somebody had changed them. */
export class Restorations {
  readonly #kinds = new Map<string, RestoredRows>();

  add(kind: string, { op, seq, appendedAt }: KeyEvent): void {
    if (op !== "restore" || seq === null) return;
    const before = this.#kinds.get(kind);
    const newest = before === undefined || seq > before.seq ? { seq, at: appendedAt } : before;
    this.#kinds.set(kind, { kind, rows: (before?.rows ?? 0) + 1, seq: newest.seq, at: newest.at });
  }

  get restored(): RestoredRows[] {
    return [...this.#kinds.values()];
  }
}
