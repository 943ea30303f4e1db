import type { NightsData, PageNight } from "../src/index.ts";

const DAY_MS = 86_400_000;

export const night = (given: Partial<PageNight> = {}): PageNight => ({
  at: "2026-03-01T02:10:00Z",
  status: "intact",
  findings: 0,
  accepted: 0,
  head: { seq: 1_042n, chainHash: "ab".repeat(32) },
  origin: "example.org/log",
  database: "orders at db.example.org",
  ...given,
});

/** Nights from the first of January on. */
export const nightly = (days: number, change: (n: number) => Partial<PageNight> | null = () => ({})): PageNight[] =>
  Array.from({ length: days }, (_, n) => {
    const at = new Date(Date.parse("2026-01-01T02:10:00Z") + n * DAY_MS).toISOString();
    const given = change(n);
    return given === null
      ? []
      : [night({ at, head: { seq: BigInt(1_000 * (n + 1)), chainHash: "ab".repeat(32) }, ...given })];
  }).flat();

export function nights(given: Partial<NightsData> = {}): NightsData {
  const all = given.nights ?? nightly(334);
  const number = (status: PageNight["status"]): number => all.filter((one) => one.status === status).length;
  return {
    verifier: "auditor.example/nights",
    since: null,
    until: "2026-11-30T08:00:00Z",
    nights: all,
    counts: { intact: number("intact"), tampered: number("tampered"), unproven: number("unproven") },
    gaps: [],
    changes: [],
    broken: [],
    maxGap: "26h",
    command: "audit-verify history",
    ...given,
  };
}

/** A year with something of everything. */
export const eventful = (given: Partial<NightsData> = {}): NightsData =>
  nights({
    nights: nightly(334, (n) =>
      n > 95 && n < 99
        ? null
        : n === 40 || n === 41
          ? { status: "tampered", findings: 2 }
          : n % 70 === 69
            ? { status: "unproven" }
            : {},
    ),
    gaps: [{ from: "2026-04-06T02:10:00Z", to: "2026-04-10T02:10:00Z", hours: 96 }],
    changes: [
      { at: "2026-02-12T02:10:00Z", what: "acceptance", message: "2 accepted findings instead of 0" },
      { at: "2026-06-02T02:10:00Z", what: "approval", message: "approved up to seq 152000" },
      {
        at: "2026-09-01T02:10:00Z",
        what: "database",
        message: "the database orders at db2.example.org instead of orders at db.example.org",
      },
    ],
    ...given,
  });
