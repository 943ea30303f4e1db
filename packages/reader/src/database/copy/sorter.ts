import { Spill, type TakeRecord } from "./spill.ts";

/** Bytes of records that are kept in memory before they are spilled. Sorting them takes as much again. */
const MEMORY_BYTES = 2 ** 21;
const FIRST_BYTES = 2 ** 16;

/**
 * Sorts any number of records in bounded memory: an external merge sort. A record is a string of bytes. Records are
 * compared byte by byte, so a sort key stands first, and records with one key have an order too. They are held as Latin-1
 * strings, one character a byte, which JavaScript compares just so without calling back.
 *
 * It is closed when it is no longer needed. Errors of the disk are a VerifierError `disk`.
 */
export class Sorter {
  readonly #memory: number;
  #arena: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #filled = 0;
  /** Where each record in memory ends. */
  #ends: number[] = [];
  #spill: Spill | undefined;

  /** @param memory bytes of records that are kept in memory */
  constructor(memory: number = MEMORY_BYTES) {
    this.#memory = memory;
  }

  /** Adds a record, given in parts, whose bytes are copied. */
  add(...parts: readonly Uint8Array[]): void {
    let length = 0;
    for (const part of parts) length += part.length;
    if (this.#filled > 0 && this.#filled + length > this.#memory) {
      this.#spill ??= new Spill();
      this.#spill.write(this.#takeRun());
    }
    this.#reserve(this.#filled + length);
    for (const part of parts) {
      this.#arena.set(part, this.#filled);
      this.#filled += part.length;
    }
    this.#ends.push(this.#filled);
  }

  /** Ends the adding. What it returns gives one record after another in their order, and undefined after the last. */
  records(): TakeRecord {
    const last = this.#takeRun();
    this.#arena = Buffer.alloc(0);
    if (this.#spill === undefined) {
      let at = 0;
      return () => last[at++];
    }
    this.#spill.write(last);
    return merge(this.#spill.runs());
  }

  close(): void {
    this.#spill?.close();
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#arena.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(2 * this.#arena.length, this.#memory)));
    larger.set(this.#arena.subarray(0, this.#filled));
    this.#arena = larger;
  }

  #takeRun(): string[] {
    const run = this.#ends.map((end, i) => this.#arena.toString("latin1", this.#ends[i - 1] ?? 0, end));
    this.#ends = [];
    this.#filled = 0;
    return run.toSorted();
  }
}

/** Merges sorted runs. The smallest of their first records stands at the top of a binary heap. */
function merge(runs: readonly TakeRecord[]): TakeRecord {
  interface Entry {
    record: string;
    readonly take: TakeRecord;
  }
  const heap = runs
    .map((take) => ({ record: take(), take }))
    .filter((entry): entry is Entry => entry.record !== undefined)
    .toSorted((a, b) => (a.record < b.record ? -1 : 1));
  const sink = (): void => {
    for (let at = 0; ;) {
      const [entry, left, right] = [heap[at], heap[2 * at + 1], heap[2 * at + 2]];
      if (entry === undefined || left === undefined) return;
      const isRight = right !== undefined && right.record < left.record;
      const child = isRight ? right : left;
      if (entry.record <= child.record) return;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
      heap[at] = entry;
    }
  };
  return () => {
    const [top] = heap;
    if (top === undefined) return undefined;
    const { record } = top;
    const next = top.take();
    const last = next === undefined ? heap.pop() : undefined;
    if (next !== undefined) top.record = next;
    else if (last !== undefined && heap.length > 0) heap[0] = last;
    sink();
    return record;
  };
}
