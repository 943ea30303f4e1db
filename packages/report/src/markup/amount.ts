/** A whole number with its thousands apart: `1,042`. */
export const count = (n: bigint | number): string => String(n).replaceAll(/\B(?=(?:\d{3})+$)/gu, ",");

/** A number and its noun: `1 link`, `2 links`. */
export const counted = (n: bigint | number, one: string, many = `${one}s`): string =>
  `${count(n)} ${String(n) === "1" ? one : many}`;

/** `one link` from 5 to 5, else `links 5 to 9`. */
export const linksText = (from: bigint, to: bigint): string =>
  from === to ? `link ${count(from)}` : `links ${count(from)} to ${count(to)}`;

const SPANS = [
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
  [1, "second"],
] as const;

/** Seconds in the largest unit that says them well: `1 hour`, `90 minutes`, `3 days`. */
export function durationText(seconds: number): string {
  if (seconds < 1) return seconds <= 0 ? "0 seconds" : "less than a second";
  for (const [size, unit] of SPANS)
    if (seconds >= 1.95 * size || Math.abs(seconds - size) < size / 20 || size === 1)
      return counted(Math.round(seconds / size), unit);
  return "";
}
