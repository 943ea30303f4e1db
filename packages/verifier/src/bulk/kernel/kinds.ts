import { KINDS, MAX_KINDS } from "./memory";
import { makeTag, tag0, tag1 } from "./tag";

/**
 * What is added up for each kind of event: how many there are, and the sum of their tags.
 *
 *     tag of a key    T(kind || 0x00 || key)                                   16 bytes
 *     tag of an event T(tag of its key || payload hash)                        16 bytes
 *     sum of a kind   both halves of its events' tags, each modulo 2^64
 *
 * Whoever adds up the same for the rows of a table gets the same sum if they are the same events, in whatever order.
 * Other events give another sum, but for one chance in 2^128 (in 2^(128-n) for one event that stands there 2^n times
 * too often).
 */
const COUNT: usize = 224;
const SUM0: usize = 232;
const SUM1: usize = 240;
/** The first entry is for all kinds beyond the `MAX_KINDS - 1` that came first. */
export let kinds: i32 = 1;
let latest: i32 = 0;

/** Of `:record`, in which the kinds of events end that record rows anew. */
export const RECORD_BYTES: i32 = 7;

const PREIMAGE: usize = memory.data(4096, 16);
const KEYED: usize = memory.data(64, 16);

function isKind(i: i32, name: usize, length: i32): bool {
  const entry = KINDS + (<usize>i << 8);
  return load<i32>(entry) == length && memory.compare(entry + 4, name, length) == 0;
}

/** The number of a kind of at most 216 bytes; a new one gets the next. */
export function kindOf(name: usize, length: i32): i32 {
  if (latest != 0 && isKind(latest, name, length)) return latest;
  for (let i = 1; i < kinds; i++) {
    if (isKind(i, name, length)) {
      latest = i;
      return i;
    }
  }
  if (kinds == MAX_KINDS) return 0;
  const entry = KINDS + (<usize>kinds << 8);
  store<i32>(entry, length);
  memory.copy(entry + 4, name, length);
  latest = kinds;
  return kinds++;
}

/** The tag of a key, which stays in `KEYED` for `addEvent`. Kind and key are at most 2,048 bytes long each. */
export function tagKey(kind: usize, kindLength: usize, key: usize, keyLength: usize): u64 {
  memory.copy(PREIMAGE, kind, kindLength);
  store<u8>(PREIMAGE + kindLength, 0);
  memory.copy(PREIMAGE + kindLength + 1, key, keyLength);
  makeTag(PREIMAGE, kindLength + 1 + keyLength);
  store<u64>(KEYED, tag0);
  store<u64>(KEYED, tag1, 8);
  return tag0;
}

/** Adds the event of the key that was tagged last. */
export function addEvent(kind: i32, payloadHash: usize): void {
  const entry = KINDS + (<usize>kind << 8);
  store<u64>(entry, load<u64>(entry, COUNT) + 1, COUNT);
  v128.store(KEYED, v128.load(payloadHash), 16);
  v128.store(KEYED, v128.load(payloadHash, 16), 32);
  makeTag(KEYED, 48);
  store<u64>(entry, load<u64>(entry, SUM0) + tag0, SUM0);
  store<u64>(entry, load<u64>(entry, SUM1) + tag1, SUM1);
}

/** A kind that records rows anew, as it came last, and the one under which what was there before is added up. */
let recording: i32 = 0;
let recorded: i32 = 0;
const NAME: usize = memory.data(256, 16);

/**
 * Adds an event that records a row anew, as one of its row: under its own kind (which ends in `RECORD`) what the row is,
 * and under the same with a NUL, which no kind has, what the event says that it was.
 */
export function addRecord(kind: usize, kindLength: i32, key: usize, keyLength: i32, payloadHash: usize, beforeHash: usize): void {
  if (recording == 0 || !isKind(recording, kind, kindLength)) {
    memory.copy(NAME, kind, kindLength);
    store<u8>(NAME + kindLength, 0);
    recorded = kindOf(NAME, kindLength + 1);
    recording = kindOf(kind, kindLength);
  }
  tagKey(kind, kindLength - RECORD_BYTES, key, keyLength);
  addEvent(recording, payloadHash);
  addEvent(recorded, beforeHash);
}

export function resetKinds(): void {
  memory.fill(KINDS, 0, <usize>kinds << 8);
  kinds = 1;
  latest = 0;
  recording = 0;
}
