import { TAGS } from "./memory";
import { makeTag, tag0, tag1 } from "./tag";

/** Tuples of any binary COPY, to be compared with those of another: how many, and the sum of the tags of their fields. */
export let tuples: u64 = 0;
export let tupleSum0: u64 = 0;
export let tupleSum1: u64 = 0;

/** Told to the host: why the last call stopped. */
export let tuplesStopped: i32 = 0;
const NEEDS_BYTES = 0;
const AT_END = 1;
const IS_FULL = 3;

/**
 * Adds up the whole tuples between two addresses, `most` of them at most (`MAX_ROWS` or fewer), and writes 8 bytes of each
 * one's tag.
 *
 * @param skipped bytes at the beginning of each that are left out of its tag
 * @returns where the first tuple begins that was not taken
 */
export function addTuples(from: usize, end: usize, skipped: usize, most: i32): usize {
  let at = from;
  for (let n = 0; n < most; n++) {
    tuplesStopped = NEEDS_BYTES;
    if (at + 2 > end) return at;
    const fields = <u32>bswap<u16>(load<u16>(at));
    if (fields == 0xffff) {
      tuplesStopped = AT_END;
      return at + 2;
    }
    let to = at + 2;
    for (let i: u32 = 0; i < fields; i++) {
      if (to + 4 > end) return at;
      to += 4 + <usize>max(bswap<i32>(load<i32>(to)), 0);
      if (to > end) return at;
    }
    const tagged = min(at + 2 + skipped, to);
    makeTag(tagged, to - tagged);
    store<u64>(TAGS + (<usize>n << 3), tag0);
    tuples++;
    tupleSum0 += tag0;
    tupleSum1 += tag1;
    at = to;
  }
  tuplesStopped = IS_FULL;
  return at;
}

export function resetTuples(): void {
  tuples = 0;
  tupleSum0 = 0;
  tupleSum1 = 0;
}
