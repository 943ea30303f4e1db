import type { Attack } from "./attack.ts";
import type { TrialResult } from "./trial.ts";

/** What the trials of one attack have shown. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly checks: readonly string[];
  readonly trials: number;
  readonly detected: number;
  readonly located: number;
  readonly verifiedBefore: number;
  readonly falseAlarms: number;
  readonly variants: number;
}

export function tabulate(attacks: readonly Attack[], results: readonly TrialResult[]): Row[] {
  return attacks.map(({ id, title, checks }) => {
    const mine = results.filter((result) => result.id === id);
    const count = (is: (result: TrialResult) => boolean): number => mine.filter(is).length;
    return {
      id,
      title,
      checks,
      trials: mine.length,
      detected: count(({ detected }) => detected),
      located: count(({ located }) => located),
      verifiedBefore: count(({ before }) => before !== "not looked at"),
      falseAlarms: count(({ before }) => before === "false alarm"),
      variants: new Set(mine.map(({ variant }) => variant)).size,
    };
  });
}

export function formatTable(rows: readonly Row[]): string {
  const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0);
  return [
    "| id | attack | trials | detected | located | verified before | false alarms |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ...rows.map(
      (row) =>
        `| ${row.id} | ${row.title} | ${row.trials} | ${row.detected} | ${row.located} | ${row.verifiedBefore} | ${row.falseAlarms} |`,
    ),
    `| | all | ${sum((row) => row.trials)} | ${sum((row) => row.detected)} | ${sum((row) => row.located)} | ${sum((row) => row.verifiedBefore)} | ${sum((row) => row.falseAlarms)} |`,
    "",
  ].join("\n");
}
