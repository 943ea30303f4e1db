import { VerifierError } from "../../finding/errors.ts";

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");

/** What a binary COPY begins with, as the server sends it: the signature, no flags, no header extension. */
export const COPY_HEADER: Buffer = Buffer.concat([SIGNATURE, Buffer.alloc(8)]);

/** What it ends with. */
export const COPY_TRAILER: Buffer = Buffer.from([0xff, 0xff]);

/** A field of a binary COPY: its bytes, or null for NULL. Valid until the next chunk is pushed. */
export type Field = Buffer | null;

/**
 * Decodes PostgreSQL's binary COPY format (documentation, COPY, "Binary Format"). First come an 11-byte signature, 4
 * bytes of flags and a header extension. Each tuple is a 16-bit number of fields, then for each field a 32-bit length
 * (-1 for NULL) and its bytes. At the end stands the number -1. Chunks may be cut anywhere.
 */
export class BinaryCopyDecoder {
  #rest: Buffer = Buffer.alloc(0);
  #started = false;
  #ended = false;
  readonly #fields: number;

  /** @param fields number of fields that each tuple must have */
  constructor(fields: number) {
    this.#fields = fields;
  }

  /** Whether the end marker was read: a COPY that breaks off before is not a whole one. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Calls `tuple` for each whole tuple in what has been pushed so far. */
  push(chunk: Buffer, tuple: (fields: readonly Field[]) => void): void {
    const fields: Field[] = [];
    this.pushBytes(chunk, (data, from, to) => {
      fields.length = 0;
      for (let at = from; at < to;) {
        const length = data.readInt32BE(at);
        at += 4;
        fields.push(length === -1 ? null : data.subarray(at, (at += length)));
      }
      tuple(fields);
    });
  }

  /** The same without an object for each field: between two places stand a tuple's fields, each behind its length. */
  pushBytes(chunk: Buffer, tuple: (data: Buffer, from: number, to: number) => void): void {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = this.#start(data);
    while (this.#started && !this.#ended) {
      const end = this.#tupleEnd(data, at);
      if (end === null) break;
      if (!this.#ended) tuple(data, at + 2, end);
      at = end;
    }
    this.#rest = at === data.length ? Buffer.alloc(0) : data.subarray(at);
  }

  /** Where the first tuple begins, once the whole header is there. */
  #start(data: Buffer): number {
    if (this.#started || data.length < 19) return 0;
    if (!data.subarray(0, 11).equals(SIGNATURE)) throw new VerifierError("protocol", "not a binary COPY");
    const header = 19 + data.readInt32BE(15);
    if (data.length < header) return 0;
    this.#started = true;
    return header;
  }

  /** Where a tuple ends; null where not all of it is there. */
  #tupleEnd(data: Buffer, at: number): number | null {
    if (at + 2 > data.length) return null;
    const count = data.readInt16BE(at);
    let next = at + 2;
    if (count === -1) {
      this.#ended = true;
      return next;
    }
    if (count !== this.#fields)
      throw new VerifierError("protocol", `a tuple of ${count} fields where ${this.#fields} were asked for`);
    for (let i = 0; i < count; i++) {
      if (next + 4 > data.length) return null;
      const length = data.readInt32BE(next);
      if (length < -1) throw new VerifierError("protocol", `a field of ${length} bytes`);
      next += 4 + Math.max(length, 0);
    }
    return next > data.length ? null : next;
  }
}
