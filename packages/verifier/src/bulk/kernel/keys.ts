import { tagKey } from "./kinds";
import { tag0, tag1 } from "./tag";

/**
 * Keys of events, kind and key, as a binary COPY brings them from an index: each higher than the one before, as bytes. Those
 * that stand there once, and add up to the same as the keys of all links, are these keys.
 */

/** How many keys were added, and the sum of their tags (kinds.ts), both halves modulo 2^64. */
export let keys: u64 = 0;
export let keySum0: u64 = 0;
export let keySum1: u64 = 0;

/** Told to the host: why the last call stopped. */
export let keysStopped: i32 = 0;
const NEEDS_BYTES = 0;
const AT_END = 1;
/** At a tuple that is no key, or does not come after the one before. */
const CANNOT_VOUCH = 4;

const LAST: usize = memory.data(4096, 16);
let lastKind: i32 = -1;
let lastKey: i32 = 0;

const MAX_KIND: i32 = 209;
const MAX_KEY: i32 = 2020;

/** Adds the key that was tagged last. */
export function countKey(): void {
  keys++;
  keySum0 += tag0;
  keySum1 += tag1;
}

/** As `memory.compare`, where one may be the beginning of the other. */
function order(a: usize, aLength: i32, b: usize, bLength: i32): i32 {
  const found = memory.compare(a, b, min(aLength, bLength));
  return found != 0 ? found : aLength - bLength;
}

/** Adds the whole tuples between two addresses. Returns where the first one begins that was not taken. */
export function addKeys(from: usize, end: usize): usize {
  let at = from;
  while (readTuple(at, end)) {
    if (lastKind >= 0) {
      const ofKind = order(LAST, lastKind, kind, kindLength);
      if (ofKind > 0 || (ofKind == 0 && order(LAST + 256, lastKey, key, keyLength) >= 0)) {
        keysStopped = CANNOT_VOUCH;
        return at;
      }
    }
    memory.copy(LAST, kind, kindLength);
    memory.copy(LAST + 256, key, keyLength);
    lastKind = kindLength;
    lastKey = keyLength;
    tagKey(kind, kindLength, key, keyLength);
    countKey();
    at = key + keyLength;
  }
  return keysStopped == AT_END ? at + 2 : at;
}

/** Where the parts of the tuple at hand lie. */
let kind: usize = 0;
let kindLength: i32 = 0;
let key: usize = 0;
let keyLength: i32 = 0;

/** False where there is no whole tuple of two fields at `at`. */
function readTuple(at: usize, end: usize): bool {
  keysStopped = NEEDS_BYTES;
  if (at + 2 > end) return false;
  const fields = <u32>bswap<u16>(load<u16>(at));
  if (fields == 0xffff) keysStopped = AT_END;
  else if (fields != 2) keysStopped = CANNOT_VOUCH;
  if (fields != 2 || at + 6 > end) return false;
  kindLength = bswap<i32>(load<i32>(at + 2));
  kind = at + 6;
  if (kindLength < 0 || kindLength > MAX_KIND) keysStopped = CANNOT_VOUCH;
  if (keysStopped == CANNOT_VOUCH || kind + kindLength + 4 > end) return false;
  keyLength = bswap<i32>(load<i32>(kind + kindLength));
  key = kind + kindLength + 4;
  if (keyLength < 0 || keyLength > MAX_KEY) keysStopped = CANNOT_VOUCH;
  return keysStopped != CANNOT_VOUCH && key + keyLength <= end;
}

export function resetKeys(): void {
  keys = 0;
  keySum0 = 0;
  keySum1 = 0;
  lastKind = -1;
}
