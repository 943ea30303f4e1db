/**
 * How a server took the clock of a time zone for a moment, and a moment for the clock, when it changed a column between
 * `timestamp` and `timestamp with time zone` (`timestamp2timestamptz`, `timestamptz2timestamp` in `utils/adt/timestamp.c`).
 *
 * A moment has one time on the clock. A time on the clock is looked up as `DetermineTimeZoneOffset` does
 * (`utils/adt/datetime.c`), by the first change of the offset that lies less than a day before it, or after it:
 *
 * - skipped, where the clock is put forward: taken by the offset before. 02:30 becomes the same moment as 03:30;
 * - shown twice, where the clock is put back: the second time. The moments of the first time come from no clock;
 * - else there is one moment.
 *
 * Clocks count in whole seconds. Names are those of the setting `TimeZone`:
 *
 * - UTC, and fixed offsets as `SHOW TimeZone` prints them, in POSIX's sense of the sign: `<+02>-02` is two hours east;
 * - names of the IANA database with a `/`, by the data of the JavaScript engine. Names without one (`CET`, `EST5EDT`) have
 *   been given other data in 2024, and are not taken.
 *
 * Two copies of that database are equal only for part of the time. What lies outside is not known here:
 *
 * - before 1970 some leave out what others have (`backzone`): Amsterdam was 20 minutes ahead of London, or not;
 * - what was still to come when the column was changed may have been decided otherwise since: the server that changed it
 *   had older data. Engines list changes to 2037 only.
 *
 * A server whose data was out of date even for what had been took another offset. Its rows do not fit.
 */
import type { Seconds } from "../units.ts";

/** Translates between a zone's clock, as if it showed UTC, and moments. All in seconds since the Unix epoch. */
export interface Zone {
  /** The times on the clock that become this moment; null where that is not known. */
  readonly clocksOf: (moment: Seconds) => readonly Seconds[] | null;
  /** The moments at which the clock shows this time; null where that is not known. */
  readonly momentsOf: (clock: Seconds) => readonly Seconds[] | null;
}

/** A change of the offset from UTC, in seconds. */
interface Transition {
  readonly at: Seconds;
  readonly before: Seconds;
  readonly after: Seconds;
}

const DAY = 86_400n;
/** 1970-01-01 is the first day of which all copies of the database tell the same. */
const FIRST = 0n;
/** 2037-01-01. */
const LAST = 2_114_380_800n;
/** A clock and its moment are less than a day apart, and a lookup begins another day before. */
const MARGIN = 3n * DAY;

/**
 * The zone of a name; null for names that are not taken.
 *
 * @param changedAt when the column was changed: later times were still to come
 */
export function zoneOf(name: string, changedAt: Seconds): Zone | null {
  if (/^(?:(?:Etc\/)?(?:UTC|UCT|GMT|Zulu|Universal|Greenwich))$/iu.test(name)) return fixedZone(0n);
  const posix = /^(?:<[A-Za-z0-9+:-]+>|[A-Za-z]{3,})([+-]?)(\d{1,2})(?::([0-5]\d))?(?::([0-5]\d))?$/u.exec(name);
  if (posix !== null) {
    const [, sign, hours = "", minutes = "0", seconds = "0"] = posix;
    const west = (BigInt(hours) * 60n + BigInt(minutes)) * 60n + BigInt(seconds);
    return BigInt(hours) < 24n ? fixedZone(sign === "-" ? west : -west) : null;
  }
  if (!/^[A-Za-z][\w+-]*(?:\/[\w+-]+)+$/u.test(name)) return null;
  try {
    const offsets = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
    return listedZone((at) => offsetIn(offsets.format(Number(at) * 1000)), changedAt < LAST ? changedAt : LAST);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const fixedZone = (offset: Seconds): Zone => ({
  clocksOf: (moment) => [moment + offset],
  momentsOf: (clock) => [clock - offset],
});

function listedZone(offsetAt: (moment: Seconds) => Seconds, end: Seconds): Zone {
  const first = offsetAt(FIRST);
  const transitions = transitionsOf(offsetAt, end + MARGIN);
  const isKnown = (moment: Seconds): boolean => moment >= FIRST + MARGIN && moment < end;

  /** The first change after a moment. */
  const nextAfter = (moment: Seconds): number => {
    let [low, high] = [0, transitions.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((transitions[middle]?.at ?? 0n) > moment) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const offsetOf = (moment: Seconds): Seconds => transitions[nextAfter(moment) - 1]?.after ?? first;
  /** As `DetermineTimeZoneOffset`. */
  const momentOf = (clock: Seconds): Seconds => {
    const next = transitions[nextAfter(clock - DAY)];
    if (next === undefined) return clock - offsetOf(clock - DAY);
    const [before, after] = [clock - next.before, clock - next.after];
    if (before < next.at && after < next.at) return before;
    if (before > next.at && after >= next.at) return after;
    return before > after ? before : after;
  };
  /** Every offset that held within two days of a moment. */
  const offsetsNear = (moment: Seconds): Set<Seconds> => {
    const near = new Set([offsetOf(moment - 2n * DAY)]);
    const last = nextAfter(moment + 2n * DAY);
    for (let i = nextAfter(moment - 2n * DAY); i < last; i++) near.add(transitions[i]?.after ?? first);
    return near;
  };

  return {
    clocksOf: (moment) => {
      if (!isKnown(moment)) return null;
      return [...offsetsNear(moment)].map((offset) => moment + offset).filter((clock) => momentOf(clock) === moment);
    },
    momentsOf: (clock) => {
      const moments = [...offsetsNear(clock)].map((offset) => clock - offset);
      if (!moments.every(isKnown)) return null;
      return moments.filter((moment) => moment + offsetOf(moment) === clock);
    },
  };
}

/** All changes of the offset from FIRST to `end`. No zone changed its offset and changed it back within a day. */
function transitionsOf(offsetAt: (moment: Seconds) => Seconds, end: Seconds): Transition[] {
  const found: Transition[] = [];
  let before = offsetAt(FIRST);
  for (let day = FIRST; day < end; day += DAY) {
    const after = offsetAt(day + DAY);
    if (after === before) continue;
    let [low, high] = [day, day + DAY];
    while (high - low > 1n) {
      const middle = (low + high) / 2n;
      if (offsetAt(middle) === before) low = middle;
      else high = middle;
    }
    found.push({ at: high, before, after });
    before = after;
  }
  return found;
}

/** The offset at the end of a text such as `1/1/1970, GMT-00:44:30`. */
function offsetIn(text: string): Seconds {
  const parts = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/u.exec(text);
  if (parts === null) throw new RangeError(`no offset in ${text}`);
  const [, sign, hours = "0", minutes = "0", seconds = "0"] = parts;
  const offset = (BigInt(hours) * 60n + BigInt(minutes)) * 60n + BigInt(seconds);
  return sign === "-" ? -offset : offset;
}
