import { isUtf8 } from "node:buffer";
import { PublisherError } from "../../errors.ts";

/**
 * Reads a message from its beginning to its end. Nothing is allocated for a length that the message only claims to
 * have: each is held against the bytes that are left.
 */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  uint64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  /** The letter that a byte stands for. */
  letter(): string {
    return String.fromCharCode(this.uint8());
  }

  /** Text up to a zero byte. */
  name(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end === -1) throw malformed("a name has no end");
    const text = this.#text(this.#at, end);
    this.#at = end + 1;
    return text;
  }

  /** Text behind its length in bytes. */
  text(): string {
    const length = this.uint32();
    const start = this.#take(length);
    return this.#text(start, start + length);
  }

  /** A number of items that take at least `bytesEach` bytes. */
  count(number: number, bytesEach: number): number {
    if (number * bytesEach > this.#bytes.length - this.#at) throw tooShort();
    return number;
  }

  /** Passes over what is of no use here. */
  skip(bytes: number): void {
    this.#take(bytes);
  }

  skipRest(): void {
    this.#at = this.#bytes.length;
  }

  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw malformed(`${left} bytes are left over`);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (bytes > this.#bytes.length - at) throw tooShort();
    this.#at = at + bytes;
    return at;
  }

  #text(start: number, end: number): string {
    const text = this.#bytes.toString("utf8", start, end);
    // Bytes that are no UTF-8 all read as U+FFFD: different rows would have one hash.
    if (text.includes("\uFFFD") && !isUtf8(this.#bytes.subarray(start, end))) throw malformed("a text is not UTF-8");
    return text;
  }
}

export const malformed = (problem: string): PublisherError =>
  new PublisherError("stream", `a message of the write-ahead log cannot be read: ${problem}`);

const tooShort = () => malformed("it is shorter than it says");
