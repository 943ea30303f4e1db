import { Socket } from "node:net";
import type { Sql } from "postgres";

/** `CopyData` (documentation, "Message Formats"): this byte, 4 bytes of length that count themselves, and the data. */
const COPY_DATA = 0x64;
const HEADER_BYTES = 5;

/**
 * A connection on which the rows of a COPY come in few messages. The server sends each row in one of its own, and the driver
 * makes some ten objects of each message: of two million short rows that took 1.3 s of 2.2. So messages that follow one
 * another are put into one, which means the same: nobody can rely on where they are cut ("COPY Operations").
 */
class CopySocket extends Socket {
  /** Bytes that the message at hand still has, which are passed on as they come. */
  #left = 0;
  /** A message's beginning, where all of it is to be passed on at once. */
  #held: Buffer = NONE;

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    const [chunk] = args;
    if (event !== "data" || !Buffer.isBuffer(chunk)) return super.emit(event, ...args);
    const rest = chunk.subarray(this.#complete(chunk));
    const joined = this.#join(rest);
    return joined.length === 0 || super.emit(event, joined);
  }

  /** Passes on the message that was held, as soon as all of it is there. Returns how much of the chunk was its. */
  #complete(chunk: Buffer): number {
    if (this.#held.length === 0) return 0;
    const taken = Math.max(0, HEADER_BYTES - this.#held.length);
    if (taken > 0) this.#held = Buffer.concat([this.#held, chunk.subarray(0, taken)]);
    if (this.#held.length < HEADER_BYTES) return chunk.length;
    const missing = 1 + this.#held.readUInt32BE(1) - this.#held.length;
    const to = Math.min(taken + Math.max(missing, 0), chunk.length);
    const message = Buffer.concat([this.#held, chunk.subarray(taken, to)]);
    const isWhole = missing <= to - taken;
    if (!isWhole && isShort(message)) {
      this.#held = message;
      return to;
    }
    this.#held = NONE;
    this.#left = Math.max(0, missing - (to - taken));
    super.emit("data", message);
    return to;
  }

  /** Moves the data of messages together, in place. */
  #join(chunk: Buffer): Buffer {
    // Up to where has been read, and up to where has been written.
    let at = Math.min(this.#left, chunk.length);
    let end = at;
    this.#left -= at;
    /** Where the message begins to which others are added. */
    let first: number | null = null;
    while (at < chunk.length) {
      const next = at + HEADER_BYTES > chunk.length ? Number.POSITIVE_INFINITY : at + 1 + chunk.readUInt32BE(at + 1);
      if (next > chunk.length && (next === Number.POSITIVE_INFINITY || isShort(chunk.subarray(at)))) {
        this.#held = Buffer.from(chunk.subarray(at));
        break;
      }
      const isData = chunk[at] === COPY_DATA && next >= at + HEADER_BYTES && next <= chunk.length;
      if (isData && first !== null) {
        chunk.copyWithin(end, at + HEADER_BYTES, next);
        end += next - at - HEADER_BYTES;
        chunk.writeUInt32BE(end - first - 1, first + 1);
      } else {
        const to = Math.min(next, chunk.length);
        if (end !== at) chunk.copyWithin(end, at, to);
        first = isData ? end : null;
        end += to - at;
        this.#left = next - to;
      }
      at = next;
    }
    return chunk.subarray(0, end);
  }
}

const NONE = Buffer.alloc(0);

/** Whether a message is worth waiting for: else the driver puts together what comes with what it has. */
const isShort = (message: Buffer): boolean => message.readUInt32BE(1) < 2 ** 16;

/**
 * Opens connections for the driver as it would itself: to its hosts in turn. The driver writes to one that is still being
 * opened, which waits.
 *
 * @param options the parsed options of the driver's client
 */
export function copySockets({ host, port, path }: Sql["options"]): () => Promise<Socket> {
  let attempts = 0;
  return async () => {
    // The driver listens for errors one microtask after it has the socket, and one that has no route fails in the next tick.
    await Promise.resolve();
    const i = attempts++ % host.length;
    const at = { host: host[i] ?? "", port: port[i] ?? 0 };
    const socket = Object.assign(new CopySocket(), typeof path === "string" ? {} : at);
    return typeof path === "string" ? socket.connect(path) : socket.connect(at.port, at.host);
  };
}
