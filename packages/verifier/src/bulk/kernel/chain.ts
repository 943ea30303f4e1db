import { MAX_TIME, putHex, putNumber, putText, putTime } from "./json";
import { countKey } from "./keys";
import { addEvent, addRecord, kindOf, RECORD_BYTES, tagKey } from "./kinds";
import { CHAIN_MESSAGE, lane, LEAF_MESSAGE, LEAVES, MAX_ROWS, TAGS } from "./memory";
import { copyHash, DIGESTS, hashLanes, isDigest, isSameHash, pad } from "./sha256";
import { ascii, put } from "./text";

/** Rows of audit_chain, as a binary COPY of (seq, kind, pk, payload, event, prev, chain, before hash, time) brings them. */

/** Why `checkLinks` stopped. */
const NEEDS_BYTES = 0;
const AT_END = 1;
const AT_LIMIT = 2;
const IS_FULL = 3;
/** At a row that is not just what an honest chain has next. What is wrong with it is not said here. */
const CANNOT_VOUCH = 4;

/** Set by the host: the next seq, the last one to go to, and the times that rows may have. */
export let nextSeq: u64 = 1;
export let limitSeq: u64 = 0;
export let earliest: i64 = 0;
export let latest: i64 = 0;
/** Chain hash of the row before, and whether the next row's prev_hash must be the same. */
export const PREVIOUS: usize = memory.data(32, 16);
export let hasPrevious: bool = false;
/** What is computed: the hashes of each link, and the leaf hash of each. */
export let withHashes: bool = true;
export let withLeaves: bool = true;
/** Told to the host: why the last call stopped, how many rows it vouches for, and where the last of them begins. */
export let stopped: i32 = 0;
export let vouched: i32 = 0;
export let lastRow: usize = 0;

export function setNextSeq(seq: u64): void { nextSeq = seq; }
export function setLimits(last: u64, from: i64, to: i64): void { limitSeq = last; earliest = max<i64>(from, 0); latest = min(to, MAX_TIME); }
export function setWork(hashes: bool, leaves: bool): void { withHashes = hashes; withLeaves = leaves; }
export function setHasPrevious(has: bool): void { hasPrevious = has; }

const MAX_KIND: i32 = 209;
const MAX_PK: i32 = 2020;

const APPENDED_AT = ascii('{"appended_at":"');
const BEFORE_HASH = ascii('","before_hash":"');
const EVENT_KIND = ascii('","event_kind":"');
const EVENT_PK = ascii('","event_pk":"');
const PAYLOAD_HASH = ascii('","payload_hash":"');
const CHAIN_HASH = ascii('","chain_hash":"');
const SEQ = ascii('","seq":');

/** Up to four rows at hand: 64 bytes each. */
const ROWS: usize = memory.data(4 * 64, 16);
const BEGIN: usize = 0;
const KIND: usize = 4;
const KIND_LENGTH: usize = 8;
const PK: usize = 12;
const PK_LENGTH: usize = 16;
/** Of the first of four hashes, each after the four bytes of its length. */
const HASHES: usize = 20;
const END: usize = 24;
const BLOCKS_EVENT: usize = 28;
const BLOCKS_LEAF: usize = 32;
const MICROS: usize = 40;
/** Of the hash of the row before; 0 where there is none. */
const BEFORE: usize = 48;
const EVENT_HASH: usize = 36;
const PREV_HASH: usize = 72;
const THIS_HASH: usize = 108;

@inline function row(i: i32): usize { return ROWS + (<usize>i << 6); }
@inline function i32At(p: usize): i32 { return bswap<i32>(load<i32>(p)); }

/** Reads the row at `at`. `CANNOT_VOUCH` unless it has the right shape; -1 where it is a row to go on with. */
function readRow(i: i32, at: usize, end: usize): i32 {
  if (at + 2 > end) return NEEDS_BYTES;
  const fields = bswap<u16>(load<u16>(at));
  if (fields == 0xffff) return AT_END;
  if (fields != 9) return CANNOT_VOUCH;
  if (at + 18 > end) return NEEDS_BYTES;
  if (i32At(at + 2) != 8) return CANNOT_VOUCH;
  const kindLength = i32At(at + 14);
  if (kindLength < 0 || kindLength > MAX_KIND) return CANNOT_VOUCH;
  const kind = at + 18;
  if (kind + kindLength + 4 > end) return NEEDS_BYTES;
  const pkLength = i32At(kind + kindLength);
  if (pkLength < 0 || pkLength > MAX_PK) return CANNOT_VOUCH;
  const pk = kind + kindLength + 4;
  const hashes = pk + pkLength + 4;
  const before = hashes + 4 * 36;
  if (before > end) return NEEDS_BYTES;
  for (let n: usize = 0; n < 4; n++) if (i32At(hashes - 4 + n * 36) != 32) return CANNOT_VOUCH;
  const beforeLength = i32At(before - 4);
  if (beforeLength != -1 && beforeLength != 32) return CANNOT_VOUCH;
  const next = before + (beforeLength == 32 ? 32 : 0) + 12;
  if (next > end) return NEEDS_BYTES;
  if (i32At(next - 12) != 8) return CANNOT_VOUCH;
  const to = row(i);
  store<u32>(to + BEGIN, <u32>at);
  store<u32>(to + KIND, <u32>kind);
  store<i32>(to + KIND_LENGTH, kindLength);
  store<u32>(to + PK, <u32>pk);
  store<i32>(to + PK_LENGTH, pkLength);
  store<u32>(to + HASHES, <u32>hashes);
  store<u32>(to + END, <u32>next);
  store<u32>(to + BEFORE, beforeLength == 32 ? <u32>before : 0);
  store<i64>(to + MICROS, bswap<i64>(load<i64>(next - 8)));
  return -1;
}

/** Whether a row follows the one before: its seq, its prev_hash, and its time. */
function follows(i: i32): bool {
  const r = row(i);
  if (bswap<u64>(load<u64>(load<u32>(r + BEGIN) + 6)) != nextSeq + i) return false;
  const micros = load<i64>(r + MICROS);
  if (micros < earliest || micros > latest) return false;
  if (i == 0 && !hasPrevious) return true;
  const before = i == 0 ? PREVIOUS : <usize>load<u32>(row(i - 1) + HASHES) + THIS_HASH;
  return isSameHash(<usize>load<u32>(r + HASHES) + PREV_HASH, before);
}

/** Writes what the event hash is of, and what the chain hash is of. False where a label is not UTF-8. */
function writeMessages(i: i32): bool {
  const r = row(i);
  const message = lane(i);
  let at = put(message, APPENDED_AT, 16);
  at = putTime(at, load<i64>(r + MICROS));
  const before = <usize>load<u32>(r + BEFORE);
  if (before != 0) {
    at = put(at, BEFORE_HASH, 17);
    at = putHex(at, before);
  }
  const opening = at - message;
  at = put(at, EVENT_KIND, 16);
  at = putText(at, load<u32>(r + KIND), load<i32>(r + KIND_LENGTH));
  if (at == 0) return false;
  at = put(at, EVENT_PK, 14);
  at = putText(at, load<u32>(r + PK), load<i32>(r + PK_LENGTH));
  if (at == 0) return false;
  at = put(at, PAYLOAD_HASH, 18);
  const hashes = <usize>load<u32>(r + HASHES);
  at = putHex(at, hashes);
  const labels = at;
  store<u16>(at, 0x7d22); // "}
  at += 2;
  const length = at - message;
  if (withLeaves) store<i32>(r + BLOCKS_LEAF, writeLeaf(i, message, opening, labels));
  store<i32>(r + BLOCKS_EVENT, pad(message, length));

  const chain = message + CHAIN_MESSAGE;
  copyHash(chain, hashes + PREV_HASH);
  copyHash(chain + 32, hashes + EVENT_HASH);
  store<u64>(chain + 64, load<u64>(load<u32>(r + BEGIN) + 6));
  pad(chain, 72);
  return true;
}

/** The leaf is the event with the chain hash behind its first `opening` bytes (time and hash before), and the seq at its end. */
function writeLeaf(i: i32, event: usize, opening: usize, labelsEnd: usize): i32 {
  const leaf = lane(i) + LEAF_MESSAGE;
  store<u8>(leaf, 0); // RFC 6962: the prefix of a leaf
  let at = leaf + 1;
  for (let n: usize = 0; n < opening; n += 16) v128.store(at + n, v128.load(event + n));
  at = put(at + opening, CHAIN_HASH, 16);
  at = putHex(at, <usize>load<u32>(row(i) + HASHES) + THIS_HASH);
  const rest = event + opening;
  for (let from = rest; from < labelsEnd; from += 16) v128.store(at + (from - rest), v128.load(from));
  at += labelsEnd - rest;
  at = put(at, SEQ, 8);
  at = putNumber(at, nextSeq + i);
  store<u8>(at, 0x7d); // }
  return pad(leaf, at + 1 - leaf);
}

/** Keeps the leaf hashes of the first rows at hand. */
function hashLeaves(n: i32): void {
  if (n == 0) return;
  hashLanes(
    lane(0) + LEAF_MESSAGE, load<i32>(row(0) + BLOCKS_LEAF),
    lane(1) + LEAF_MESSAGE, n > 1 ? load<i32>(row(1) + BLOCKS_LEAF) : 0,
    lane(2) + LEAF_MESSAGE, n > 2 ? load<i32>(row(2) + BLOCKS_LEAF) : 0,
    lane(3) + LEAF_MESSAGE, n > 3 ? load<i32>(row(3) + BLOCKS_LEAF) : 0,
  );
  const to = LEAVES + (<usize>vouched << 5);
  for (let i = 0; i < n; i++) copyHash(to + (<usize>i << 5), DIGESTS + (<usize>i << 5));
}

/** How many of the first rows at hand have the event hash and the chain hash that they must have. */
function checkHashes(n: i32): i32 {
  if (!withHashes) return n;
  let good = 0;
  while (good < n && writeMessages(good)) good++;
  if (good == 0) return 0;
  hashLanes(
    lane(0), load<i32>(row(0) + BLOCKS_EVENT),
    lane(1), good > 1 ? load<i32>(row(1) + BLOCKS_EVENT) : 0,
    lane(2), good > 2 ? load<i32>(row(2) + BLOCKS_EVENT) : 0,
    lane(3), good > 3 ? load<i32>(row(3) + BLOCKS_EVENT) : 0,
  );
  for (let i = 0; i < good; i++) if (!isDigest(i, <usize>load<u32>(row(i) + HASHES) + EVENT_HASH)) good = i;
  hashLanes(
    lane(0) + CHAIN_MESSAGE, 2,
    lane(1) + CHAIN_MESSAGE, good > 1 ? 2 : 0,
    lane(2) + CHAIN_MESSAGE, good > 2 ? 2 : 0,
    lane(3) + CHAIN_MESSAGE, good > 3 ? 2 : 0,
  );
  for (let i = 0; i < good; i++) if (!isDigest(i, <usize>load<u32>(row(i) + HASHES) + THIS_HASH)) good = i;
  return good;
}

const RECORD = ascii(":record");
/** The end of a key: `@` and a seq. */
const OWN_SEQ: usize = memory.data(32, 16);

/**
 * The length of the row's key in that of an event that records it anew, `key@seq` with the event's own seq; -1 where it is
 * not such an event, or does not say what was there before.
 */
function recordedKey(r: usize): i32 {
  const kindLength = load<i32>(r + KIND_LENGTH);
  if (kindLength <= RECORD_BYTES || load<u32>(r + BEFORE) == 0) return -1;
  if (memory.compare(load<u32>(r + KIND) + kindLength - RECORD_BYTES, RECORD, RECORD_BYTES) != 0) return -1;
  store<u8>(OWN_SEQ, 0x40); // @
  const length = <i32>(putNumber(OWN_SEQ + 1, bswap<u64>(load<u64>(load<u32>(r + BEGIN) + 6))) - OWN_SEQ);
  const keyLength = load<i32>(r + PK_LENGTH) - length;
  return keyLength >= 0 && memory.compare(load<u32>(r + PK) + keyLength, OWN_SEQ, length) == 0 ? keyLength : -1;
}

/**
 * Vouches for the rows between two addresses, until something stops it, and adds them up. A row is vouched for if it is
 * exactly what an honest chain has at this place; the first that is not stops the call, and nothing of it is counted.
 *
 * @returns where the first row begins that it does not vouch for
 */
export function checkLinks(from: usize, end: usize): usize {
  let at = from;
  vouched = 0;
  for (;;) {
    let reason = -1;
    let n = 0;
    for (let p = at; n < 4; n++) {
      if (vouched + n == MAX_ROWS) reason = IS_FULL;
      else if (nextSeq + n > limitSeq) reason = AT_LIMIT;
      else {
        reason = readRow(n, p, end);
        if (reason == -1 && !follows(n)) reason = CANNOT_VOUCH;
      }
      if (reason != -1) break;
      p = load<u32>(row(n) + END);
    }
    const good = checkHashes(n);
    if (withLeaves) hashLeaves(good);
    for (let i = 0; i < good; i++) {
      const r = row(i);
      const kind = load<u32>(r + KIND);
      const kindLength = load<i32>(r + KIND_LENGTH);
      const pk = load<u32>(r + PK);
      const tag = tagKey(kind, kindLength, pk, load<i32>(r + PK_LENGTH));
      store<u64>(TAGS + (<usize>(vouched + i) << 3), tag);
      countKey();
      const hashes = load<u32>(r + HASHES);
      const keyLength = recordedKey(r);
      if (keyLength >= 0) addRecord(kind, kindLength, pk, keyLength, hashes, load<u32>(r + BEFORE));
      else addEvent(kindOf(kind, kindLength), hashes);
    }
    if (good > 0) {
      const r = row(good - 1);
      copyHash(PREVIOUS, <usize>load<u32>(r + HASHES) + THIS_HASH);
      hasPrevious = true;
      lastRow = load<u32>(r + BEGIN);
      at = load<u32>(r + END);
      vouched += good;
      nextSeq += good;
    }
    if (good < n) reason = CANNOT_VOUCH;
    if (reason == -1) continue;
    stopped = reason;
    return at;
  }
}
