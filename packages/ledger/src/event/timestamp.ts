import { LedgerError } from "../errors.ts";

// An event's time is microseconds since the Unix epoch (bigint) in memory, because a Date has milliseconds.
//
//   stored on SQLite    2026-11-22 08:37:37.809794        UTC
//   in JSON and CSV     2026-11-22T08:37:37.809794Z
//   in the signed text  2026-11-22T08:37:37Z              cut to the second: parts of a second are not signed

const STORED = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)\.(\d{6})$/;
const RFC3339 = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const MICROS = 1_000_000n;

/** The last microsecond of the year 9999, the last that the stored form can hold. */
export const MAX_MICROS = 253_402_300_799_999_999n;

/**
 * Reads the stored form. Null for whatever is not exactly that form or names no real time (30 February):
 * the text comes from a row that an attacker may have edited.
 */
export function parseStored(text: string): bigint | null {
  const parts = STORED.exec(text);
  if (parts === null) return null;
  const seconds = Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}Z`);
  if (Number.isNaN(seconds)) return null;
  const micros = BigInt(seconds) * 1000n + BigInt(text.slice(20));
  // Date.parse takes 24:00:00 and rolls some impossible days over; only the canonical form passes.
  return formatStored(micros) === text ? micros : null;
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** The stored form as the form of an event's JSON; null where `parseStored` is null, in a tenth of its time. */
export function isoOfStored(text: string): string | null {
  if (!STORED.test(text)) return null;
  const year = Number(text.slice(0, 4));
  const month = Number(text.slice(5, 7));
  const day = Number(text.slice(8, 10));
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  if (day < 1 || day > (DAYS[month - 1] ?? 0) + leap) return null;
  if (text.slice(11, 13) > "23" || text.slice(14, 16) > "59" || text.slice(17, 19) > "59") return null;
  return `${text.slice(0, 10)}T${text.slice(11)}Z`;
}

/** `YYYY-MM-DD HH:MM:SS.ffffff`, UTC, always six digits. */
export function formatStored(micros: bigint): string {
  const fraction = ((micros % MICROS) + MICROS) % MICROS;
  const seconds = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, 19);
  return `${seconds.replace("T", " ")}.${fraction.toString().padStart(6, "0")}`;
}

/** `YYYY-MM-DDTHH:MM:SS.ffffffZ`, the form of an event's JSON. */
export function formatIso(micros: bigint): string {
  return `${formatStored(micros).replace(" ", "T")}Z`;
}

/** `YYYY-MM-DDTHH:MM:SSZ`, the form in the signed text, from an event's JSON form. */
export function signedSecond(iso: string): string {
  return `${iso.slice(0, 19)}Z`;
}

/**
 * Reads an RFC 3339 time (section 5.6; any offset, any number of fraction digits) as the first whole microsecond that
 * is not before it. So an inclusive and an exclusive bound both select exactly the events they name.
 *
 * @throws {LedgerError} `invalid_filter`
 */
export function parseRfc3339(text: string, name: string): bigint {
  const parts = RFC3339.exec(text);
  const day = parts?.[1];
  const clock = parts?.[2];
  const invalid = (): LedgerError =>
    new LedgerError("invalid_filter", `${name} must be an RFC 3339 time such as 2026-04-28T12:00:00Z`);
  if (parts === null || day === undefined || clock === undefined) throw invalid();
  // A leap second (:60) is read as the second after :59, which is all that UTC in a database can hold.
  const leap = clock.endsWith(":60");
  const base = Date.parse(`${day}T${leap ? `${clock.slice(0, 6)}59` : clock}Z`);
  if (Number.isNaN(base) || new Date(base).toISOString().slice(0, 10) !== day) throw invalid();
  const hours = Number(parts[5] ?? 0);
  const minutes = Number(parts[6] ?? 0);
  if (hours > 23 || minutes > 59) throw invalid();
  const offset = BigInt(hours * 60 + minutes) * 60n * MICROS * (parts[4] === "-" ? -1n : 1n);
  const fraction = parts[3] ?? "";
  const whole = BigInt(fraction.slice(0, 6).padEnd(6, "0"));
  const ceiling = /[1-9]/.test(fraction.slice(6)) ? 1n : 0n;
  return BigInt(base) * 1000n + (leap ? MICROS : 0n) + whole + ceiling - offset;
}

/** Now, from the system clock (milliseconds). */
export function systemClock(): bigint {
  return BigInt(Date.now()) * 1000n;
}
