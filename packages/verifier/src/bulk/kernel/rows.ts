import { makeFilter } from "./filter";
import { putEscaped, sequenceLength, specialBytes } from "./json";
import { addEvent, tagKey } from "./kinds";
import { tag0 } from "./tag";
import { FILTER, KINDS, lane, LANE_BYTES, MAX_ROWS, MEMBERS, TAGS } from "./memory";
import { DIGESTS, hashLanes, pad } from "./sha256";

/**
 * Rows of an audited table, as a text COPY brings them: the columns of the key first, then the covered columns in the order
 * of the payload's members. The payload is the canonical JSON object of their texts, without those that are NULL; the key
 * is the text of its one column, or the canonical JSON array of several.
 */

/** Columns: for each, where its `"name":"` begins in `MEMBERS`, and its length. */
const COLUMNS: usize = memory.data(256 * 8, 16);
let columns: i32 = 0;
let membersEnd: usize = 0;
let kind: i32 = 0;
let keyColumns: i32 = 1;

/** Told to the host: why the last call stopped. */
export let rowsStopped: i32 = 0;
const AT_END = 1;
/** So many are marked that the host has to look at them first. */
const IS_FULL = 3;
/** At a line that is too long, has no key or is not UTF-8: the host has to take it. */
const CANNOT_VOUCH = 4;

/** Keys of the rows at hand: 4 KiB each. */
const KEYS: usize = memory.data(4 * 4096, 16);
const KEY_LENGTHS: usize = memory.data(16, 16);
const BLOCKS: usize = memory.data(16, 16);
const MAX_KEY: usize = 2000;

/** Bits of tags of keys that the host looks at itself. */
const MARKS: u64 = 1 << 19;
let hasMarks: bool = false;
/** How many rows of the last call may have such a key: their lines' addresses stand in `TAGS`, 4 bytes each. */
export let marked: i32 = 0;
const STARTS: usize = memory.data(16, 16);

@inline function markOf(tag: u64): usize { return FILTER + <usize>((tag & (MARKS - 1)) >> 3); }

/** Leaves rows with the key that was tagged last to the host, and a few others. */
export function markKey(): void {
  if (!hasMarks) makeFilter(<i32>(MARKS >> 9));
  hasMarks = true;
  const at = markOf(tag0);
  store<u8>(at, load<u8>(at) | ((<u8>1) << (<u8>(tag0 & 7))));
}

@inline function isMarked(): bool { return hasMarks && ((load<u8>(markOf(tag0)) >> (<u8>(tag0 & 7))) & 1) != 0; }

export function setKind(i: i32): void { kind = i; }
export function setKeyColumns(n: i32): void { keyColumns = n; }

/** Adds a column, whose `"name":"` the host has written after those before it. */
export function addColumn(length: i32): bool {
  if (columns == 256) return false;
  store<u32>(COLUMNS + (<usize>columns << 3), <u32>(MEMBERS + membersEnd));
  store<i32>(COLUMNS + (<usize>columns << 3), length, 4);
  membersEnd += length;
  columns++;
  return true;
}

/** Where the last field that was written ends in the message, 0 if it is not UTF-8; and where it ended in the line. */
let written: usize = 0;
let fieldEnd: usize = 0;

/** A field of the line as the inside of a JSON string. COPY and JSON write most escapes in the same way. */
function putField(to: usize, from: usize, end: usize): void {
  for (;;) {
    const bytes = v128.load(from);
    v128.store(to, bytes);
    const special = specialBytes(bytes);
    const plain = special == 0 ? <usize>16 : <usize>ctz(special);
    from += plain;
    to += plain;
    if (special == 0) continue;
    const byte = load<u8>(from);
    if (byte == 0x09 || byte == 0x0a) break;
    if (byte >= 0x80) {
      const n = sequenceLength(from, end);
      if (n == 0) {
        written = 0;
        return;
      }
      store<u32>(to, load<u32>(from));
      to += n;
      from += n;
    } else if (byte == 0x5c) {
      const letter = load<u8>(from, 1);
      if (letter == 0x76) to = putEscaped(to, 0x0b);
      else if (letter == 0x5c || letter == 0x62 || letter == 0x66 || letter == 0x6e || letter == 0x72 || letter == 0x74) {
        store<u16>(to, load<u16>(from));
        to += 2;
      } else {
        written = 0;
        return;
      }
      from += 2;
    } else {
      to = putEscaped(to, byte);
      from++;
    }
  }
  written = to;
  fieldEnd = from;
}

/**
 * The key, as its own bytes. False where it is NULL or longer than any key. Whether it is UTF-8 needs no look: that of the
 * chain is, and only equal bytes have equal tags.
 */
function readKey(i: i32, from: usize): bool {
  const key = KEYS + (<usize>i << 12);
  let length: usize = 0;
  for (;;) {
    let byte = load<u8>(from);
    if (byte == 0x09 || byte == 0x0a) break;
    if (byte == 0x5c) {
      byte = load<u8>(++from);
      if (byte == 0x62) byte = 0x08;
      else if (byte == 0x66) byte = 0x0c;
      else if (byte == 0x6e) byte = 0x0a;
      else if (byte == 0x72) byte = 0x0d;
      else if (byte == 0x74) byte = 0x09;
      else if (byte == 0x76) byte = 0x0b;
      else if (byte != 0x5c) return false;
    }
    if (length == MAX_KEY) return false;
    store<u8>(key + length, byte);
    length++;
    from++;
  }
  fieldEnd = from;
  store<u32>(KEY_LENGTHS + (<usize>i << 2), <u32>length);
  return true;
}

/** Several columns' key, made where the message will be: it may be too long for a key. False as in `readKey`. */
function readKeys(i: i32, from: usize, end: usize): bool {
  const start = lane(i);
  let to = start;
  fieldEnd = from;
  for (let c = 0; c < keyColumns; c++) {
    if (c > 0) {
      if (load<u8>(fieldEnd) != 0x09) return false;
      fieldEnd++;
    }
    if (load<u16>(fieldEnd) == 0x4e5c) return false;
    store<u8>(to++, c == 0 ? 0x5b : 0x2c); // [ or ,
    store<u8>(to++, 0x22); // "
    putField(to, fieldEnd, end);
    if (written == 0) return false;
    store<u8>(written, 0x22);
    to = written + 1;
  }
  store<u8>(to++, 0x5d); // ]
  if (to - start > MAX_KEY) return false;
  memory.copy(KEYS + (<usize>i << 12), start, to - start);
  store<u32>(KEY_LENGTHS + (<usize>i << 2), <u32>(to - start));
  return true;
}

/** The line that begins at `from`, as a message to be hashed. Returns where the next begins; 0 if it cannot vouch. */
function readLine(i: i32, from: usize, end: usize): usize {
  const message = lane(i);
  // Every byte of the line takes at most six.
  if (membersEnd + 2 * <usize>columns + 6 * lineLength(from, end) > LANE_BYTES - 256) return 0;
  if (!(keyColumns == 1 ? readKey(i, from) : readKeys(i, from, end))) return 0;
  store<u8>(message, 0x7b); // {
  let to = message + 1;
  for (let c = 0; c < columns; c++) {
    if (load<u8>(fieldEnd) != 0x09) return 0;
    const from = fieldEnd + 1;
    // \N: a text that begins so would have its backslash doubled
    if (load<u16>(from) == 0x4e5c) {
      fieldEnd = from + 2;
      continue;
    }
    if (to != message + 1) store<u8>(to++, 0x2c); // ,
    const name = <usize>load<u32>(COLUMNS + (<usize>c << 3));
    const length = <usize>load<i32>(COLUMNS + (<usize>c << 3), 4);
    for (let n: usize = 0; n < length; n += 16) v128.store(to + n, v128.load(name + n));
    putField(to + length, from, end);
    if (written == 0) return 0;
    store<u8>(written, 0x22); // "
    to = written + 1;
  }
  if (load<u8>(fieldEnd) != 0x0a) return 0;
  store<u8>(to, 0x7d); // }
  store<i32>(BLOCKS + (<usize>i << 2), pad(message, to + 1 - message));
  return fieldEnd + 1;
}

function lineLength(from: usize, end: usize): usize {
  for (let at = from; at < end; at += 16) {
    const ends = i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(0x0a)));
    if (ends != 0) return at + <usize>ctz(ends) - from;
  }
  return end - from;
}

/**
 * Adds up the rows between two addresses; only whole lines stand there.
 *
 * @returns where the first line begins that was not taken
 */
export function addRows(from: usize, end: usize): usize {
  const name = KINDS + (<usize>kind << 8);
  let at = from;
  marked = 0;
  while (at < end) {
    let n = 0;
    let isOdd = false;
    if (marked > MAX_ROWS - 4) {
      rowsStopped = IS_FULL;
      return at;
    }
    while (n < 4 && at < end) {
      store<u32>(STARTS + (<usize>n << 2), <u32>at);
      const next = readLine(n, at, end);
      isOdd = next == 0;
      if (isOdd) break;
      at = next;
      n++;
    }
    if (n > 0) {
      hashLanes(
        lane(0), load<i32>(BLOCKS),
        lane(1), n > 1 ? load<i32>(BLOCKS, 4) : 0,
        lane(2), n > 2 ? load<i32>(BLOCKS, 8) : 0,
        lane(3), n > 3 ? load<i32>(BLOCKS, 12) : 0,
      );
      for (let i = 0; i < n; i++) {
        tagKey(name + 4, load<i32>(name), KEYS + (<usize>i << 12), load<u32>(KEY_LENGTHS + (<usize>i << 2)));
        if (isMarked()) {
          store<u32>(TAGS + ((<usize>marked) << 2), load<u32>(STARTS + (<usize>i << 2)));
          marked++;
        } else addEvent(kind, DIGESTS + (<usize>i << 5));
      }
    }
    if (isOdd) {
      rowsStopped = CANNOT_VOUCH;
      return at;
    }
  }
  rowsStopped = AT_END;
  return at;
}

export function resetRows(): void {
  columns = 0;
  membersEnd = 0;
  keyColumns = 1;
  hasMarks = false;
}
