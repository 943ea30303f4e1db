/**
 * Times as text, in the two forms that are hashed and signed. Always UTC, proleptic Gregorian calendar, years 2000 to
 * 9999, no leap seconds.
 *
 * - `YYYY-MM-DDTHH:MM:SS.ffffffZ`, always six digits: `appended_at`. PostgreSQL keeps microseconds; a JavaScript Date
 *   would lose the last three digits, so these times go through bigints and never through a Date's own text.
 * - `YYYY-MM-DDTHH:MM:SSZ`: `published_at`, the seconds of a cosignature.
 *
 *     formatTime(1777377600123456n)               → "2026-04-28T12:00:00.123456Z"
 *     parseTime("2026-04-28T12:00:00.123456Z")    → 1777377600123456n
 */
import { CoreError, quoted } from "./errors.ts";
import type { Micros, Seconds } from "./units.ts";

/** 2000-01-01T00:00:00Z, in seconds since the Unix epoch. */
const FIRST_SECOND = 946_684_800n;
/** 9999-12-31T23:59:59Z, in seconds since the Unix epoch. */
const LAST_SECOND = 253_402_300_799n;

const MICROS = 1_000_000n;

/** The time that was asked for last: a link's event hash and its leaf have the same, and so have links of one batch. */
let knownMicros: bigint | undefined;
let knownText = "";

/**
 * The text of a time in microseconds since the Unix epoch. (PostgreSQL's binary form counts from 2000-01-01: add
 * 946684800000000.)
 *
 * @throws {CoreError} `time_range`
 */
export function formatTime(microsSinceUnixEpoch: Micros): string {
  if (microsSinceUnixEpoch === knownMicros) return knownText;
  if (microsSinceUnixEpoch < FIRST_SECOND * MICROS || microsSinceUnixEpoch >= (LAST_SECOND + 1n) * MICROS) {
    throw new CoreError("time_range", `${microsSinceUnixEpoch} µs is outside the years 2000 to 9999`);
  }
  // Whole milliseconds are exact in a double (9999 is 2.5e14 ms), and Date does calendar arithmetic on them.
  const millis = new Date(Number(microsSinceUnixEpoch / 1000n)).toISOString();
  knownText = `${millis.slice(0, 23)}${String(microsSinceUnixEpoch % 1000n).padStart(3, "0")}Z`;
  knownMicros = microsSinceUnixEpoch;
  return knownText;
}

/**
 * Microseconds since the Unix epoch.
 *
 * @throws {CoreError} `time_malformed`, `time_range`
 */
export function parseTime(text: string): Micros {
  checkTime(text);
  return BigInt(secondsOf(text)) * MICROS + BigInt(text.slice(20, 26));
}

/**
 * Returns the text itself if `parseTime` accepts it. Several times faster than parsing, for what is hashed by the
 * million.
 *
 * @throws {CoreError} `time_malformed`, `time_range`
 */
export function checkTime(text: string): string {
  if (!/^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/u.test(text)) throw malformed(text);
  dayStart(text);
  return text;
}

/**
 * The text of a time in whole seconds since the Unix epoch.
 *
 * @throws {CoreError} `time_range`
 */
export function formatSeconds(secondsSinceUnixEpoch: Seconds): string {
  if (secondsSinceUnixEpoch < FIRST_SECOND || secondsSinceUnixEpoch > LAST_SECOND) {
    throw new CoreError("time_range", `${secondsSinceUnixEpoch} s is outside the years 2000 to 9999`);
  }
  return `${new Date(Number(secondsSinceUnixEpoch) * 1000).toISOString().slice(0, 19)}Z`;
}

/**
 * Whole seconds since the Unix epoch.
 *
 * @throws {CoreError} `time_malformed`, `time_range`
 */
export function parseSeconds(text: string): Seconds {
  if (!/^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/u.test(text)) throw malformed(text);
  return BigInt(secondsOf(text));
}

function secondsOf(text: string): number {
  const hours = Number(text.slice(11, 13));
  const minutes = Number(text.slice(14, 16));
  return dayStart(text) + (hours * 60 + minutes) * 60 + Number(text.slice(17, 19));
}

/** The day that was asked for last: neighbours in a chain nearly always share it. */
let knownDay = "";
let knownStart = 0;

/** Seconds from the Unix epoch to the start of the text's day, which must exist and be in range. */
function dayStart(text: string): number {
  const day = text.slice(0, 10);
  if (day !== knownDay) {
    const millis = Date.parse(`${day}T00:00:00Z`);
    // Date takes 30 February for 1 or 2 March: only a day that is written back the same exists.
    if (Number.isNaN(millis) || new Date(millis).toISOString().slice(0, 10) !== day) throw malformed(text);
    if (millis / 1000 < FIRST_SECOND) {
      throw new CoreError("time_range", `${day} is outside the years 2000 to 9999`);
    }
    knownDay = day;
    knownStart = millis / 1000;
  }
  return knownStart;
}

function malformed(text: string): CoreError {
  return new CoreError("time_malformed", `not a time in UTC in the one accepted form: ${quoted(text)}`);
}
