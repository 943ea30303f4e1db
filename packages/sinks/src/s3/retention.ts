/** How long an object may not be removed (S3 Object Lock). */
export interface Retention {
  /** Nobody can shorten `COMPLIANCE`; whoever has a right for it can shorten `GOVERNANCE`. */
  readonly mode: "COMPLIANCE" | "GOVERNANCE";
  readonly years: number;
  readonly months: number;
  readonly days: number;
}

/** Reads `retention=P10Y` (ISO 8601: years, months, weeks, days) and `mode=compliance`. */
export function parseRetention(
  duration: string | undefined,
  mode: string | undefined,
  bad: (why: string) => Error,
): Retention | undefined {
  if (mode !== undefined && mode !== "compliance" && mode !== "governance")
    throw bad("expected mode=compliance or mode=governance");
  if (duration === undefined) {
    if (mode !== undefined) throw bad("mode goes with retention, for example retention=P10Y");
    return undefined;
  }
  const match = /^P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})W)?(?:(\d{1,5})D)?$/u.exec(duration);
  const [years = 0, months = 0, weeks = 0, days = 0] = [1, 2, 3, 4].map((at) => Number(match?.[at] ?? 0));
  if (match === null || years + months + weeks + days === 0 || years > 100)
    throw bad("retention must be an ISO 8601 duration of days or longer, up to 100 years, for example P10Y");
  return { mode: mode === "governance" ? "GOVERNANCE" : "COMPLIANCE", years, months, days: weeks * 7 + days };
}

/** Until when an object that is written now is locked. */
export function retainUntil({ years, months, days }: Retention, now: Date): Date {
  const until = new Date(now);
  until.setUTCFullYear(until.getUTCFullYear() + years, until.getUTCMonth() + months, until.getUTCDate() + days);
  return until;
}
