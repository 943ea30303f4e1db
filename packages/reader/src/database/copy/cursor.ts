import { setImmediate } from "node:timers/promises";
import { BinaryCopyDecoder, type Field } from "./copy-binary.ts";
import { TextCopyDecoder } from "./copy-text.ts";
import { VerifierError } from "../../finding/errors.ts";
import type { Chunks } from "./open-copy.ts";
import type { TakeRecord } from "./spill.ts";

/**
 * Records that are taken from a sorter at once: meanwhile nothing else happens. With 4,096, rows that were recorded anew
 * beside the comparison got half as far.
 */
const BATCH = 512;

/** The next rows, one at least; undefined at the end. */
type NextRows<T> = () => Promise<readonly T[] | undefined>;

/**
 * Walks rows one by one. `current` is the row at hand, undefined at the end. `step` goes on. `fill` is awaited only
 * where the next rows have not come yet: a promise for every row would cost more than the hashing.
 */
export class Cursor<T> {
  readonly #next: NextRows<T>;
  #rows: readonly T[] = [];
  #at = 0;

  private constructor(next: NextRows<T>) {
    this.#next = next;
  }

  /** The rows of a binary COPY with `fields` columns. */
  static binary<T>(chunks: Chunks, fields: number, row: (fields: readonly Field[]) => T): Cursor<T> {
    const decoder = new BinaryCopyDecoder(fields);
    return new Cursor(rowsOf(chunks, decoder, (chunk, rows) => decoder.push(chunk, (f) => rows.push(row(f)))));
  }

  /** The rows of a text COPY. */
  static text<T>(chunks: Chunks, row: (fields: (string | null)[]) => T): Cursor<T> {
    const decoder = new TextCopyDecoder();
    return new Cursor(rowsOf(chunks, decoder, (chunk, rows) => decoder.push(chunk, (f) => rows.push(row(f)))));
  }

  /** The records of a sorter. */
  static sorted<T>(take: TakeRecord, row: (record: string) => T): Cursor<T> {
    return new Cursor(async () => {
      await setImmediate();
      const rows: T[] = [];
      for (let record = take(); record !== undefined; record = take()) {
        rows.push(row(record));
        if (rows.length === BATCH) break;
      }
      return rows.length === 0 ? undefined : rows;
    });
  }

  /** The row at hand; undefined before the first `next` and at the end. */
  get current(): T | undefined {
    return this.#rows[this.#at];
  }

  /** Goes to the next row at hand. False where `fill` has to be awaited first. */
  step(): boolean {
    this.#at++;
    return this.#at < this.#rows.length;
  }

  /** Waits for the next row. Afterwards `current` is that row, or undefined at the end. */
  async fill(): Promise<void> {
    if (this.#at < this.#rows.length) return;
    this.#rows = (await this.#next()) ?? [];
    this.#at = 0;
  }

  /** Goes to the next row, wherever it is. */
  async next(): Promise<T | undefined> {
    if (!this.step()) await this.fill();
    return this.current;
  }
}

/** Takes each tuple of a binary COPY with `fields` columns as it comes. */
export async function eachTuple(
  chunks: Chunks,
  fields: number,
  take: (fields: readonly Field[]) => void,
): Promise<void> {
  const decoder = new BinaryCopyDecoder(fields);
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) decoder.push(next.value, take);
  if (!decoder.ended) throw brokenOff();
}

/** Takes each row of a text COPY as it comes. */
export async function eachLine(chunks: Chunks, take: (fields: (string | null)[]) => void): Promise<void> {
  const decoder = new TextCopyDecoder();
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) decoder.push(next.value, take);
  if (!decoder.ended) throw brokenOff();
}

const brokenOff = () => new VerifierError("protocol", "the server broke off in the middle of a COPY");

function rowsOf<T>(
  chunks: Chunks,
  decoder: { readonly ended: boolean },
  decode: (chunk: Buffer, rows: T[]) => void,
): NextRows<T> {
  return async () => {
    for (;;) {
      const { done, value } = await chunks.next();
      if (done === true) {
        if (!decoder.ended) throw brokenOff();
        return undefined;
      }
      const rows: T[] = [];
      decode(value, rows);
      if (rows.length > 0) return rows;
    }
  };
}
