const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const two = (n: number) => String(n).padStart(2, "0");

/** A time for people, in UTC: `22 Nov 2026, 13:05 UTC`. Seconds since the Unix epoch. */
export const momentText = (seconds: number): string => `${shortText(seconds)} UTC`;

/** The same where something else says that it is UTC; what is no time is `at no time`. */
export function shortText(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return "at no time";
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ""} ${date.getUTCFullYear()}`;
  return `${day}, ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

/** A month for people: `Nov 2026` for `2026-11`. */
export const monthText = (month: string): string => `${MONTHS[Number(month.slice(5)) - 1] ?? ""} ${month.slice(0, 4)}`;

/** A label on an axis that is `span` seconds long: as much as it takes to tell it from the next one. */
export function axisText(seconds: number, span: number): string {
  const date = new Date(seconds * 1000);
  const clock = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ""}`;
  if (span < 600) return `${clock}:${two(date.getUTCSeconds())}`;
  if (span < 86_400) return clock;
  return span < 10 * 86_400 ? `${day}, ${clock}` : span < 300 * 86_400 ? day : `${day} ${date.getUTCFullYear()}`;
}

/** A timestamp as PostgreSQL prints it in UTC, for people; any other text is printed as it is. */
export function recordedText(text: string): string {
  const match = /^(\d{4})-(\d\d)-(\d\d) (\d\d:\d\d):\d\d(?:\.\d+)?\+00$/u.exec(text);
  return match === null ? text : `${Number(match[3])} ${MONTHS[Number(match[2]) - 1] ?? ""} ${match[1]}, ${match[4]}`;
}
