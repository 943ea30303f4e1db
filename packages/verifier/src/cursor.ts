import { BinaryCopyDecoder, type Field } from "./copy-binary.ts";
import { TextCopyDecoder } from "./copy-text.ts";
import { VerifierError } from "./errors.ts";
import type { Chunks } from "./snapshot.ts";

/**
 * Walks the rows of a stream one by one. `current` is the row at hand, undefined at the end; `advance` goes on, and
 * waits only where the next chunk has not come yet: a promise for every row would cost more than the hashing.
 */
export class Cursor<T> {
  readonly #take: () => Promise<T[] | undefined>;
  #rows: T[] = [];
  #at = 0;

  /** @param take yields the next rows, as many as there are at hand; undefined at the end */
  constructor(take: () => Promise<T[] | undefined>) {
    this.#take = take;
  }

  /** The rows of a binary COPY with `fields` columns. */
  static binary<T>(chunks: Chunks, fields: number, row: (fields: readonly Field[]) => T): Cursor<T> {
    return decoded(chunks, new BinaryCopyDecoder(fields), row);
  }

  /** The rows of a text COPY. */
  static text<T>(chunks: Chunks, row: (fields: (string | null)[]) => T): Cursor<T> {
    return decoded(chunks, new TextCopyDecoder(), row);
  }

  /** The row at hand; undefined before the first `next` and at the end. */
  get current(): T | undefined {
    return this.#rows[this.#at];
  }

  /** Goes to the next row of the chunk at hand. False where `fill` has to be awaited first. */
  step(): boolean {
    this.#at++;
    return this.#at < this.#rows.length;
  }

  /** Waits for the next row. Afterwards `current` is that row, or undefined at the end. */
  async fill(): Promise<void> {
    while (this.#at >= this.#rows.length) {
      const rows = await this.#take();
      this.#rows = rows ?? [];
      this.#at = 0;
      if (rows === undefined) return;
    }
  }

  /** Goes to the next row, wherever it is. */
  async next(): Promise<T | undefined> {
    if (!this.step()) await this.fill();
    return this.current;
  }
}

interface Decoder<F> {
  readonly ended: boolean;
  push(chunk: Buffer, take: (fields: F) => void): void;
}

function decoded<T, F>(chunks: Chunks, decoder: Decoder<F>, row: (fields: F) => T): Cursor<T> {
  return new Cursor(async () => {
    const { done, value } = await chunks.next();
    if (done === true) {
      if (!decoder.ended) throw new VerifierError("protocol", "the server broke off in the middle of a COPY");
      return undefined;
    }
    const rows: T[] = [];
    decoder.push(value, (fields) => rows.push(row(fields)));
    return rows;
  });
}
