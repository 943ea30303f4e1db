/**
 * Dates and times. Texts are those of `DateStyle = ISO` and `TimeZone = UTC` (`EncodeDateTime` in
 * `utils/adt/datetime.c`): a year has four digits or more, and years before 1 end in ` BC`; a fraction of a second has up to
 * six digits and no zero at its end.
 *
 *     date                           2026-04-28                    0044-03-15 BC
 *     timestamp                      2026-04-28 12:00:00.5         0044-03-15 12:00:00 BC       infinity
 *     timestamp with time zone       2026-04-28 12:00:00.5+00      0044-03-15 12:00:00+00 BC    infinity
 *     time, time with time zone      12:00:00.5                    12:00:00.5+02:30             24:00:00
 *
 * - More digits of a second: the text stays. An old text has at most as many as its modifier says
 *   (`AdjustTimestampForTypmod`, `AdjustTimeForTypmod`).
 * - `date` to `timestamp`: midnight of that day.
 * - `timestamp` and `timestamp with time zone`, either way: by the zone's clock (`zone.ts`).
 * - `date` to `timestamp with time zone`: the moment when that clock shows midnight.
 */
import { after, one, type Reading, sameWhere } from "./reading.ts";
import type { Zone } from "./zone.ts";
import type { Micros } from "../units.ts";

const PLAIN = "timestamp without time zone";
const ZONED = "timestamp with time zone";
const KINDS_WITH_DIGITS = [PLAIN, ZONED, "time without time zone", "time with time zone"];

/** 4714-11-24 00:00:00 BC, the first moment of a timestamp. */
const FIRST: Micros = -210_866_803_200_000_000n;
/** 294277-01-01 00:00:00, the first moment behind the last one. */
const END: Micros = 9_224_318_016_000_000_000n;

/** A type of dates or times, with the digits of its seconds. */
export interface TimeType {
  readonly name: string;
  readonly digits: number;
}

/** A date or time that became another type, or has more digits. The zone is asked for where it matters. */
export function timeReading(before: TimeType, now: TimeType, zoneOfChange: () => Zone | null): Reading | null {
  const digits = sameWhere((text) => (/\.(\d+)/u.exec(text)?.[1] ?? "").length <= before.digits);
  if (before.name === "date" && now.name === PLAIN) return midnight;
  if (before.name === "date" && now.name === ZONED) return byZone(zoneOfChange(), clocks, midnight);
  if (!KINDS_WITH_DIGITS.includes(before.name) || before.digits > now.digits) return null;
  if (before.name === now.name) return before.digits < now.digits ? digits : null;
  if (before.name === PLAIN && now.name === ZONED) return byZone(zoneOfChange(), clocks, digits);
  return before.name === ZONED && now.name === PLAIN ? byZone(zoneOfChange(), moments, digits) : null;
}

const byZone = (zone: Zone | null, translate: (zone: Zone) => Reading, earlier: Reading): Reading | null =>
  zone === null ? null : after(translate(zone), earlier);

/** A date that became the timestamp of its midnight. */
const midnight: Reading = one((live) =>
  isInfinite(live)
    ? live
    : /^(?<day>\d{4,}-\d\d-\d\d) 00:00:00(?<era> BC)?$/u.test(live)
      ? live.replace(" 00:00:00", "")
      : undefined,
);

/** A timestamp that became a moment. */
const clocks =
  (zone: Zone): Reading =>
  (live) => {
    if (isInfinite(live)) return [live];
    const plain = /^(\S+ [\d:.]+)\+00( BC)?$/u.exec(live);
    return plain === null ? [] : translated(`${plain[1]}${plain[2] ?? ""}`, zone.clocksOf, "");
  };

/** A moment that became a timestamp. */
const moments =
  (zone: Zone): Reading =>
  (live) =>
    isInfinite(live) ? [live] : translated(live, zone.momentsOf, "+00");

const isInfinite = (text: string): boolean => text === "infinity" || text === "-infinity";

function translated(
  text: string,
  translate: (seconds: bigint) => readonly bigint[] | null,
  suffix: string,
): readonly string[] | null {
  const micros = microsOf(text);
  if (micros === undefined) return [];
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = translate((micros - fraction) / 1_000_000n);
  return (
    seconds
      ?.map((second) => second * 1_000_000n + fraction)
      .filter((old) => old >= FIRST && old < END)
      .map((old) => textOf(old, suffix)) ?? null
  );
}

/** Microseconds since the Unix epoch of a timestamp without a zone; undefined unless it is written as PostgreSQL does. */
function microsOf(text: string): Micros | undefined {
  const parts = /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?( BC)?$/u.exec(text);
  if (parts === null) return undefined;
  const [, year = "", month = "", day = "", hours = "", minutes = "", seconds = "", fraction = "", era] = parts;
  const days = dayOf(era === undefined ? Number(year) : 1 - Number(year), Number(month), Number(day));
  const second = BigInt(days) * 86_400n + BigInt((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds));
  const micros = second * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
  return textOf(micros, "") === text ? micros : undefined;
}

/** The text of a timestamp, with a suffix behind the time of the day. */
function textOf(micros: Micros, suffix: string): string {
  const ofDay = ((micros % 86_400_000_000n) + 86_400_000_000n) % 86_400_000_000n;
  const { year, month, day } = dateOf(Number((micros - ofDay) / 86_400_000_000n));
  const second = Number(ofDay / 1_000_000n);
  const clock = [Math.floor(second / 3600), Math.floor(second / 60) % 60, second % 60].map(two).join(":");
  const fraction = String(ofDay % 1_000_000n)
    .padStart(6, "0")
    .replace(/0+$/u, "");
  const date = `${String(year > 0 ? year : 1 - year).padStart(4, "0")}-${two(month)}-${two(day)}`;
  return `${date} ${clock}${fraction === "" ? "" : `.${fraction}`}${suffix}${year > 0 ? "" : " BC"}`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** Days of 400 years, after which the calendar repeats itself. */
const CYCLE = 146_097;

/** Days from the Unix epoch to a day of the Gregorian calendar, which is carried on both ways; year 0 is 1 BC. */
function dayOf(year: number, month: number, day: number): number {
  const cycles = Math.floor(year / 400);
  // A Date takes years below 100 for those of the twentieth century.
  return cycles * CYCLE + Date.UTC(year - cycles * 400 + 2000, month - 1, day) / 86_400_000 - 5 * CYCLE;
}

function dateOf(days: number): { year: number; month: number; day: number } {
  const cycles = Math.floor(days / CYCLE);
  const date = new Date((days - cycles * CYCLE) * 86_400_000);
  return { year: date.getUTCFullYear() + cycles * 400, month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}
