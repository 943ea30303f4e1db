import { CommandError } from "@scidex/audit-command";

const DAY_MS = 86_400_000;

/**
 * Reads a time of day in UTC, `HH:MM`.
 *
 * @returns milliseconds since midnight
 * @throws {CommandError} `usage`
 */
export function parseTimeOfDay(option: string, text: string): number {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (hours === undefined)
    throw new CommandError(
      "usage",
      `${option} is ${JSON.stringify(text)}; expected a time of day in UTC, such as 03:00`,
    );
  return (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/**
 * The first such time of day after a moment, in milliseconds since the Unix epoch: in the past where a night was missed.
 *
 * @param lastMs when it was last done; undefined for never, which makes it due at once
 */
export function nextDaily(timeOfDayMs: number, lastMs: number | undefined): number {
  if (lastMs === undefined) return 0;
  const today = Math.floor(lastMs / DAY_MS) * DAY_MS + timeOfDayMs;
  return today > lastMs ? today : today + DAY_MS;
}
