import { finished, Readable } from "node:stream";

/** The bytes of a COPY that is under way, chunk by chunk. */
export type Chunks = Pick<AsyncIterator<Buffer>, "next">;

/**
 * Rows are copied together as they come, into pieces of this many bytes. A stream that keeps them one by one, and joins
 * them when it is read, took 5 to 10 % longer to verify.
 */
const PIECE_BYTES = 2 ** 16;
/** Of a table of some rows one piece of this many is enough: thousands of the others kept the garbage collector busy. */
const FIRST_PIECE_BYTES = 2 ** 12;
/** What is longer is handed on as it is: rows that have come together already (`copy-socket.ts`), or one long row. */
const LONG_BYTES = 2 ** 12;
/** Bytes that wait for their reader before the connection has to. */
const MAX_WAITING = 8 * PIECE_BYTES;

/** A COPY that somebody may leave in the middle: the rest of it must be read before the connection can be used again. */
export class OpenCopy implements Chunks {
  readonly #stream: Readable;
  readonly #atEnd: () => void;
  readonly #pieces: Buffer[] = [];
  #piece = Buffer.allocUnsafeSlow(FIRST_PIECE_BYTES);
  #filled = 0;
  /** Bytes of the pieces. */
  #waiting = 0;
  #end: { readonly error: unknown } | undefined;
  #waiters: (() => void)[] = [];

  /** @param atEnd called when all of it has come; what it throws is thrown to the reader */
  constructor(stream: Readable, atEnd: () => void) {
    this.#stream = stream;
    this.#atEnd = atEnd;
    finished(stream, { writable: false }, (error) => this.#finish(error));
    stream.on("data", (row: Buffer) => this.#take(row));
  }

  #take(row: Buffer): void {
    if (row.length > LONG_BYTES) {
      this.#pass();
      this.#offer(row);
    } else {
      if (this.#filled + row.length > this.#piece.length) {
        this.#pass();
        this.#piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
      }
      this.#piece.set(row, this.#filled);
      this.#filled += row.length;
    }
  }

  /** Hands on what has been put together. */
  #pass(): void {
    if (this.#filled === 0) return;
    this.#offer(this.#piece.subarray(0, this.#filled));
    // What is left of it takes the rows to come.
    this.#piece = this.#piece.subarray(this.#filled);
    this.#filled = 0;
  }

  #offer(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#waiting += piece.length;
    if (this.#waiting >= MAX_WAITING) this.#stream.pause();
    this.#wake();
  }

  #finish(error: unknown): void {
    this.#pass();
    this.#end = { error: error ?? this.#checkEnd() };
    try {
      // The driver stops reading the connection when this stream is full, and goes on when the stream asks for more. If
      // what filled it came together with the end, it never asks, and the next statement would wait for ever.
      this.#stream._read(0);
    } catch {
      // The connection has gone since: whoever uses it next is told.
    }
    this.#wake();
  }

  #checkEnd(): unknown {
    try {
      this.#atEnd();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async next(): Promise<IteratorResult<Buffer>> {
    while (this.#pieces.length === 0 && this.#end === undefined)
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
      });
    const value = this.#pieces.shift();
    if (value !== undefined) {
      this.#waiting -= value.length;
      if (this.#pieces.length === 0) this.#stream.resume();
      return { done: false, value };
    }
    if (this.#end?.error !== undefined) throw this.#end.error;
    return { done: true, value: undefined };
  }

  /** Reads what is left of it. */
  async drain(): Promise<void> {
    try {
      while (this.#end === undefined) await this.next();
    } catch {
      // It has ended; the reason does not matter any more.
    }
  }
}

/** A COPY as the driver takes it. */
interface PendingCopy {
  readable(): Promise<Readable>;
}

/**
 * Asks for a COPY.
 *
 * @param pending a statement `copy … to stdout …`, which nobody has awaited yet
 * @param atEnd called when all of it has come; what it throws is thrown to the reader
 */
export async function openCopy(pending: PendingCopy, atEnd: () => void = () => {}): Promise<OpenCopy> {
  let copy: OpenCopy | undefined;
  const take = (stream: Readable) => new OpenCopy(stream, atEnd);
  // The driver may already have an error when it hands out the stream. It emits the error before whoever waits for the
  // stream runs again: an uncaught exception, which ends the process without a report. So the stream is taken from the
  // driver's own hand.
  const hand = pending as unknown as { resolve: (value: unknown) => void };
  const { resolve } = hand;
  hand.resolve = (value) => {
    if (value instanceof Readable) copy ??= take(value);
    resolve(value);
  };
  const stream = await pending.readable();
  return copy ?? take(stream);
}
