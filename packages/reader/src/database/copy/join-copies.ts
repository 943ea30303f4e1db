import { COPY_HEADER, COPY_TRAILER } from "./copy-binary.ts";
import type { Chunks } from "./open-copy.ts";

/** One binary COPY of several of the same columns, one after the other. Each is opened when the one before has been read. */
export async function* joinCopies(parts: readonly (() => Promise<Chunks>)[]): AsyncGenerator<Buffer, undefined> {
  yield COPY_HEADER;
  for (const open of parts) {
    const chunks = await open();
    let header = COPY_HEADER.length;
    /** The end of what has come: the trailer may stand there. */
    let held: Buffer = Buffer.alloc(0);
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      const body = next.value.subarray(Math.min(header, next.value.length));
      header -= next.value.length - body.length;
      const all = held.length === 0 ? body : Buffer.concat([held, body]);
      const end = Math.max(all.length - COPY_TRAILER.length, 0);
      if (end > 0) yield all.subarray(0, end);
      // The chunk's memory may be used again.
      held = Buffer.from(all.subarray(end));
    }
    // Of a COPY that broke off it is no trailer: whoever reads on will notice.
    if (!held.equals(COPY_TRAILER)) yield held;
  }
  yield COPY_TRAILER;
  return undefined;
}
