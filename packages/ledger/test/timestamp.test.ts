import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatIso, formatStored, isoOfStored, parseStored } from "../src/event/timestamp.ts";

/** What the fast reading must be: the slow one. */
const reference = (text: string): string | null => {
  const micros = parseStored(text);
  return micros === null ? null : formatIso(micros);
};

const two = (most: number) => fc.integer({ min: 0, max: most }).map((n) => String(n).padStart(2, "0"));
const nearlyTimes = fc
  .tuple(
    fc.integer({ min: 0, max: 9999 }),
    two(13),
    two(32),
    two(25),
    two(61),
    two(61),
    fc.integer({ min: 0, max: 999_999 }),
  )
  .map(
    ([y, mo, d, h, mi, s, f]) =>
      `${String(y).padStart(4, "0")}-${mo}-${d} ${h}:${mi}:${s}.${String(f).padStart(6, "0")}`,
  );

test("a stored time is read quickly as it is read slowly, whether it names a real time or not", () => {
  const agree = (text: string) => isoOfStored(text) === reference(text);
  fc.assert(fc.property(nearlyTimes, agree), { numRuns: 5_000 });
  fc.assert(fc.property(fc.string(), agree));
  for (const year of [0, 1, 4, 100, 400, 1900, 2000, 2023, 2024, 2100, 9999])
    for (const day of ["02-28", "02-29", "02-30", "04-30", "04-31", "12-31", "00-10", "13-01", "01-00"]) {
      const text = `${String(year).padStart(4, "0")}-${day} 23:59:59.999999`;
      expect(isoOfStored(text)).toBe(reference(text));
    }
  for (const text of ["2026-01-01 24:00:00.000000", "2026-01-01 00:00:60.000000", "2026-01-01T00:00:00.000000", " "])
    expect(isoOfStored(text)).toBe(reference(text));
  const now = 1_776_000_000_123_456n;
  expect(isoOfStored(formatStored(now))).toBe(formatIso(now));
});
