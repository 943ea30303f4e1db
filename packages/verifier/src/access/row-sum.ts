import { createHash } from "node:crypto";
import { type Chunks, VerifierError } from "@scidex/audit-reader";
import { Kernel } from "../bulk/kernel.ts";

/** The sum of the tags of all rows of a stream: the same for the same rows, in whatever order they come. */
export interface RowSum {
  readonly rows: number;
  readonly sum: bigint;
}

/** Signature, flags and length of the header's extension, which the server leaves empty. */
const HEADER_BYTES = 19;
/** Longer rows are tagged by their SHA-256. */
const MAX_TAGGED = 2_000;
const MASK = 2n ** 64n - 1n;

/**
 * Adds up the rows of a binary COPY: of each its fields, lengths included, as a keyed tag of 64 bits (SipHash under a key
 * that is new in each run), modulo 2^64. Nobody who does not know the key can make another set of rows with the same sum
 * but by a chance of 2^-64.
 *
 * @param tagKey the same for streams that are compared
 * @param onTag called with each row's tag, where rows are to be told apart
 * @param skipped bytes at the beginning of each row that are not tagged
 */
export async function sumRows(
  chunks: Chunks,
  tagKey: Uint8Array,
  onTag?: (tag: bigint, fields: Buffer) => void,
  skipped = 0,
): Promise<RowSum> {
  const kernel = new Kernel(tagKey);
  try {
    const { raw } = kernel;
    const memory = Buffer.from(raw.memory.buffer);
    const input = raw.INPUT.value;
    const room = raw.INPUT_BYTES.value - 16;
    let rest = Buffer.alloc(0);
    let isStarted = false;
    let isEnded = false;
    let rows = 0;
    // 64-bit numbers are objects to JavaScript: two halves of a sum are added up as numbers, and seldom carried.
    let low = 0;
    let high = 0;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      for (let from = 0; from < next.value.length;) {
        if (rest.length >= room) throw new VerifierError("protocol", "a row of more than 4 MB in an index");
        const part = next.value.subarray(from, from + room - rest.length);
        from += part.length;
        memory.set(rest, input);
        memory.set(part, input + rest.length);
        const end = input + rest.length + part.length;
        let at = input;
        if (!isStarted) {
          if (end - at < HEADER_BYTES) {
            rest = Buffer.from(memory.subarray(at, end));
            continue;
          }
          isStarted = true;
          at += HEADER_BYTES;
        }
        while (!isEnded && at + 2 <= end) {
          const fields = memory.readInt16BE(at);
          if (fields === -1) {
            isEnded = true;
            at += 2;
            break;
          }
          let to = at + 2;
          let isWhole = true;
          for (let i = 0; i < fields; i++) {
            if (to + 4 > end) {
              isWhole = false;
              break;
            }
            const length = memory.readInt32BE(to);
            to += 4 + Math.max(length, 0);
          }
          if (!isWhole || to > end) break;
          const tag = tagOf(raw, memory, at + 2 + skipped, to - at - 2 - skipped);
          low += Number(tag & 0xffffffffn);
          high += Number(tag >> 32n);
          if ((++rows & 0xfffff) === 0) {
            high = (high + Math.floor(low / 2 ** 32)) % 2 ** 32;
            low %= 2 ** 32;
          }
          onTag?.(tag, memory.subarray(at + 2, to));
          at = to;
        }
        rest = Buffer.from(memory.subarray(at, end));
      }
    }
    if (!isEnded || rest.length > 0)
      throw new VerifierError("protocol", "the server broke off in the middle of a COPY");
    return { rows, sum: (BigInt(low) + (BigInt(high) << 32n)) & MASK };
  } finally {
    kernel.release();
  }
}

function tagOf(raw: Kernel["raw"], memory: Buffer, at: number, length: number): bigint {
  if (length <= MAX_TAGGED) return BigInt.asUintN(64, raw.tagKey(at, 0, at, length));
  const digest = createHash("sha256")
    .update(memory.subarray(at, at + length))
    .digest();
  memory.set(digest, raw.LEAVES.value);
  return BigInt.asUintN(64, raw.tagKey(raw.LEAVES.value, 0, raw.LEAVES.value, digest.length));
}
