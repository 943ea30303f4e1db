import { VerifierError } from "../../finding/errors.ts";

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");

/** What a binary COPY begins with, as the server sends it: the signature, no flags, no header extension. */
export const COPY_HEADER: Buffer = Buffer.concat([SIGNATURE, Buffer.alloc(8)]);

/** What it ends with. */
export const COPY_TRAILER: Buffer = Buffer.from([0xff, 0xff]);

/** A field of a binary COPY: its bytes, or null for NULL. Valid until the next chunk is pushed. */
export type Field = Buffer | null;

/**
 * Decodes PostgreSQL's binary COPY format (documentation, COPY, "Binary Format"): an 11-byte signature, 4 bytes of
 * flags, a header extension; then tuples of a 16-bit number of fields, each a 32-bit length (-1 for NULL) and its bytes;
 * at the end the number -1. Chunks may be cut anywhere.
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
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    if (!this.#started) {
      if (data.length < 19) {
        this.#rest = data;
        return;
      }
      if (!data.subarray(0, 11).equals(SIGNATURE)) throw new VerifierError("protocol", "not a binary COPY");
      const header = 19 + data.readInt32BE(15);
      if (data.length < header) {
        this.#rest = data;
        return;
      }
      at = header;
      this.#started = true;
    }
    const fields: Field[] = [];
    while (!this.#ended) {
      let next = at;
      if (next + 2 > data.length) break;
      const count = data.readInt16BE(next);
      next += 2;
      if (count === -1) {
        this.#ended = true;
        at = next;
        break;
      }
      if (count !== this.#fields)
        throw new VerifierError("protocol", `a tuple of ${count} fields where ${this.#fields} were asked for`);
      fields.length = 0;
      let whole = true;
      for (let i = 0; i < count; i++) {
        if (next + 4 > data.length) {
          whole = false;
          break;
        }
        const length = data.readInt32BE(next);
        next += 4;
        if (length === -1) {
          fields.push(null);
          continue;
        }
        if (length < 0) throw new VerifierError("protocol", `a field of ${length} bytes`);
        if (next + length > data.length) {
          whole = false;
          break;
        }
        fields.push(data.subarray(next, next + length));
        next += length;
      }
      if (!whole) break;
      tuple(fields);
      at = next;
    }
    this.#rest = at === data.length ? Buffer.alloc(0) : data.subarray(at);
  }
}
