import { count } from "../markup/amount.ts";
import { type Markup, markup, type Part } from "../markup/markup.ts";
import { monthText } from "../markup/moment.ts";
import { stackedTable } from "../markup/stacked-table.ts";
import type { NightsData, PageNight } from "../nights-data.ts";

/** What is known of one day, in UTC: the worst that was signed on it. */
type Day = PageNight["status"] | "none";

const DAY_MS = 86_400_000;

/** Each month with its days: how often there was a verdict, and which. */
export function months({ nights, since, until }: NightsData): Markup | null {
  const first = since ?? nights[0]?.at;
  if (first === undefined) return null;
  const days = new Map<string, Day>();
  for (const { at, status } of nights) days.set(at.slice(0, 10), worse(days.get(at.slice(0, 10)), status));
  const byMonth = Map.groupBy(daysBetween(first, until), (day) => day.slice(0, 7));
  const rows = [...byMonth].map(([month, all]): Part[] => {
    const known = all.map((day) => days.get(day) ?? "none");
    const number = (wanted: Day): string => count(known.filter((day) => day === wanted).length);
    return [
      monthText(month),
      strip(known, Number(all[0]?.slice(8))),
      number("intact"),
      number("tampered"),
      number("unproven"),
      number("none"),
    ];
  });
  return markup`<section aria-labelledby="months">
<h2 id="months">Day by day</h2>
<p>A day in UTC counts by the worst that was signed on it. A tall bar is a verdict, a short one a night that could not prove anything, and a dot is a day without any.</p>
${stackedTable(
  "months",
  [
    ["Month", "c-month"],
    ["Days", "c-days"],
    ["Intact", "number"],
    ["Tampered", "number"],
    ["Not proven", "number"],
    ["None", "number"],
  ],
  rows,
)}
</section>`;
}

const WORST: readonly Day[] = ["tampered", "unproven", "intact", "none"];

const worse = (one: Day | undefined, other: Day): Day =>
  one === undefined || WORST.indexOf(other) < WORST.indexOf(one) ? other : one;

/** A hundred years at most: a time that nobody can have meant fills no page. */
const MAX_DAYS = 36_525;

function daysBetween(from: string, to: string): string[] {
  const start = Date.parse(from.slice(0, 10));
  const length = Math.floor((Date.parse(to) - start) / DAY_MS) + 1;
  return Array.from({ length: Math.min(Math.max(length, 0), MAX_DAYS) }, (_, i) =>
    new Date(start + i * DAY_MS).toISOString().slice(0, 10),
  );
}

const HEIGHTS: Readonly<Record<Day, number>> = { intact: 20, tampered: 20, unproven: 10, none: 3 };

/** The days of a month in their places; its table says the same in numbers. */
function strip(days: readonly Day[], first: number): Markup {
  return markup`<svg class="days" viewBox="0 0 310 20" preserveAspectRatio="xMinYMid" aria-hidden="true" focusable="false">${days.map(
    (day, i) => {
      const height = HEIGHTS[day];
      return markup`<rect class="day-${day}" x="${(first - 1 + i) * 10 + 1}" y="${20 - height}" width="7" height="${height}"/>`;
    },
  )}</svg>`;
}
