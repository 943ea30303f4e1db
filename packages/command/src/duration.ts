import { CommandError } from "./command-error.ts";

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A hundred years: what is longer is a slip of the pen. */
const LONGEST = 36_525 * 86_400_000;

/** What a duration looks like, for messages. */
export const DURATION_FORM = "a whole number and one of s, m, h, d, w (90s, 15m, 24h, 7d)";

/**
 * Reads a duration such as `90s`, `15m`, `24h`, `7d` or `2w`.
 *
 * @returns milliseconds: more than 0, at most a hundred years.
 * @throws {CommandError} `usage`.
 */
export function parseDuration(text: string): number {
  const match = /^([0-9]{1,12})([smhdw])$/.exec(text.trim());
  const duration = Number(match?.[1]) * (UNITS[match?.[2] ?? ""] ?? Number.NaN);
  if (!(duration > 0 && duration <= LONGEST)) {
    throw new CommandError("usage", `${JSON.stringify(text)} is not a duration; expected ${DURATION_FORM}`);
  }
  return duration;
}
