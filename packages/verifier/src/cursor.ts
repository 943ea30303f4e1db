import { BinaryCopyDecoder, type Field } from "./copy-binary.ts";
import { TextCopyDecoder } from "./copy-text.ts";
import { VerifierError } from "./errors.ts";
import type { Chunks } from "./snapshot.ts";

/**
 * Walks the rows of a stream one by one. `current` is the row at hand, undefined at the end; `advance` goes on, and
 * waits only where the next chunk has not come yet: a promise for every row would cost more than the hashing.
 */
export class Cursor<T> {
  readonly #chunks: Chunks;
  readonly #decode: (chunk: Buffer) => T[];
  readonly #atEnd: () => void;
  #rows: T[] = [];
  #at = 0;

  constructor(chunks: Chunks, decode: (chunk: Buffer) => T[], atEnd: () => void) {
    this.#chunks = chunks;
    this.#decode = decode;
    this.#atEnd = atEnd;
  }

  /** The rows of a binary COPY with `fields` columns. */
  static binary<T>(chunks: Chunks, fields: number, row: (fields: readonly Field[]) => T): Cursor<T> {
    const decoder = new BinaryCopyDecoder(fields);
    return new Cursor(
      chunks,
      (chunk) => {
        const rows: T[] = [];
        decoder.push(chunk, (f) => rows.push(row(f)));
        return rows;
      },
      () => {
        if (!decoder.ended) throw new VerifierError("protocol", "the server broke off in the middle of a COPY");
      },
    );
  }

  /** The rows of a text COPY. */
  static text<T>(chunks: Chunks, row: (fields: (string | null)[]) => T): Cursor<T> {
    const decoder = new TextCopyDecoder();
    return new Cursor(
      chunks,
      (chunk) => {
        const rows: T[] = [];
        decoder.push(chunk, (f) => rows.push(row(f)));
        return rows;
      },
      () => {
        if (!decoder.ended) throw new VerifierError("protocol", "the server broke off in the middle of a COPY");
      },
    );
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
      const { done, value } = await this.#chunks.next();
      if (done === true) {
        this.#rows = [];
        this.#at = 0;
        this.#atEnd();
        return;
      }
      this.#rows = this.#decode(value);
      this.#at = 0;
    }
  }

  /** Goes to the next row, wherever it is. */
  async next(): Promise<T | undefined> {
    if (!this.step()) await this.fill();
    return this.current;
  }
}
