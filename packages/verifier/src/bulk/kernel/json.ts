/** Parts of canonical JSON (RFC 8785), as the core package writes it. Each function returns where the text goes on. */

const HEX: usize = memory.data<u8>([
  0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66,
]);

/** 32 bytes as 64 lower-case hex digits. */
export function putHex(to: usize, from: usize): usize {
  const digits = v128.load(HEX);
  for (let i: usize = 0; i < 32; i += 16) {
    const bytes = v128.load(from + i);
    const high = i8x16.swizzle(digits, i8x16.shr_u(bytes, 4));
    const low = i8x16.swizzle(digits, v128.and(bytes, i8x16.splat(15)));
    v128.store(to + 2 * i, i8x16.shuffle(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    v128.store(to + 2 * i, i8x16.shuffle(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16);
  }
  return to + 64;
}

/** A number without sign or fraction. */
export function putNumber(to: usize, value: u64): usize {
  let end = to;
  for (let rest = value; ; rest /= 10) {
    end++;
    if (rest < 10) break;
  }
  let rest = value;
  for (let at = end - 1; at >= to; at--) {
    store<u8>(at, 0x30 + <u8>(rest % 10));
    rest /= 10;
  }
  return end;
}

/** `digits` digits, with leading zeros. */
@inline function putDigits(to: usize, value: u32, digits: i32): void {
  let rest = value;
  for (let i = digits - 1; i >= 0; i--) {
    store<u8>(to + i, 0x30 + <u8>(rest % 10));
    rest /= 10;
  }
}

/** 9999-12-31T23:59:59.999999Z, in microseconds since 2000-01-01. */
export const MAX_TIME: i64 = 252_455_615_999_999_999;

/** The last time that was written, and the second that it shows: neighbours in a chain nearly always share it. */
const TIME: usize = memory.data(48, 16);
let knownSecond: i64 = -1;

/** A time between 0 and `MAX_TIME`, in microseconds since 2000-01-01, as `YYYY-MM-DDTHH:MM:SS.ffffffZ`. */
export function putTime(to: usize, micros: i64): usize {
  const second = micros / 1_000_000;
  if (second != knownSecond) {
    knownSecond = second;
    writeSecond(second);
  }
  putDigits(TIME + 20, <u32>(micros - second * 1_000_000), 6);
  v128.store(to, v128.load(TIME));
  v128.store(to, v128.load(TIME, 16), 16);
  return to + 27;
}

/** Gregorian calendar from days since 2000-01-01, in years that begin with March, so that a leap day comes last. */
function writeSecond(second: i64): void {
  const day = <i32>(second / 86_400);
  const inDay = <i32>(second - <i64>day * 86_400);
  // Days since 0000-03-01; 146,097 days are 400 years.
  const days = day + 730_425;
  const cycle = days / 146_097;
  const inCycle = days - cycle * 146_097;
  const yearOfCycle = (inCycle - inCycle / 1_460 + inCycle / 36_524 - inCycle / 146_096) / 365;
  const inYear = inCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100);
  const month = (5 * inYear + 2) / 153;
  const dayOfMonth = inYear - (153 * month + 2) / 5 + 1;
  const calendarMonth = month < 10 ? month + 3 : month - 9;
  const year = yearOfCycle + cycle * 400 + (calendarMonth <= 2 ? 1 : 0);
  putDigits(TIME, year, 4);
  store<u8>(TIME, 0x2d, 4); // -
  putDigits(TIME + 5, calendarMonth, 2);
  store<u8>(TIME, 0x2d, 7);
  putDigits(TIME + 8, dayOfMonth, 2);
  store<u8>(TIME, 0x54, 10); // T
  putDigits(TIME + 11, inDay / 3_600, 2);
  store<u8>(TIME, 0x3a, 13); // :
  putDigits(TIME + 14, (inDay / 60) % 60, 2);
  store<u8>(TIME, 0x3a, 16);
  putDigits(TIME + 17, inDay % 60, 2);
  store<u8>(TIME, 0x2e, 19); // .
  store<u8>(TIME, 0x5a, 26); // Z
}

/**
 * Which of 16 bytes cannot be copied into JSON text as they are: control characters, `"`, `\`, and all beyond ASCII,
 * which has to be looked at. Bit i stands for byte i.
 */
@inline export function specialBytes(bytes: v128): i32 {
  return i8x16.bitmask(
    v128.or(
      // Signed: what is beyond ASCII is below zero.
      i8x16.lt_s(bytes, i8x16.splat(0x20)),
      v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c))),
    ),
  );
}

/** Text of `length` bytes inside a JSON string. 0 where it is not UTF-8. May write 16 bytes more. */
export function putText(to: usize, from: usize, length: usize): usize {
  const end = from + length;
  while (from < end) {
    const bytes = v128.load(from);
    v128.store(to, bytes);
    const special = specialBytes(bytes);
    const plain = min<usize>(special == 0 ? <usize>16 : <usize>ctz(special), end - from);
    from += plain;
    to += plain;
    if (special == 0 || from >= end) continue;
    const byte = load<u8>(from);
    if (byte < 0x80) {
      to = putEscaped(to, byte);
      from++;
    } else {
      const n = sequenceLength(from, end);
      if (n == 0) return 0;
      store<u32>(to, load<u32>(from));
      to += n;
      from += n;
    }
  }
  return to;
}

/** A character that JSON escapes (RFC 8785, section 3.2.2.2): a control character, `"` or `\`. */
export function putEscaped(to: usize, byte: u8): usize {
  store<u8>(to, 0x5c);
  let letter: u8 = 0;
  if (byte == 0x22 || byte == 0x5c) letter = byte;
  else if (byte == 0x08) letter = 0x62;
  else if (byte == 0x09) letter = 0x74;
  else if (byte == 0x0a) letter = 0x6e;
  else if (byte == 0x0c) letter = 0x66;
  else if (byte == 0x0d) letter = 0x72;
  if (letter != 0) {
    store<u8>(to, letter, 1);
    return to + 2;
  }
  store<u32>(to, 0x30303075, 1); // u000
  store<u8>(to, load<u8>(HEX + (byte >> 4)), 4);
  store<u8>(to, load<u8>(HEX + (byte & 15)), 5);
  return to + 6;
}

/** Length of the well-formed UTF-8 sequence of two to four bytes (Unicode, table 3-7); 0 where there is none. */
export function sequenceLength(at: usize, end: usize): usize {
  const lead = load<u8>(at);
  const n: usize = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) == 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  if (n == 0 || at + n > end) return 0;
  const second = load<u8>(at, 1);
  const lowest: u8 = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const highest: u8 = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let i: usize = 2; i < n; i++) if ((load<u8>(at + i) & 0xc0) != 0x80) return 0;
  return n;
}
