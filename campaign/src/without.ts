import { judgeFindings } from "./judge.ts";
import type { TrialResult } from "./trial.ts";

/** What is missed when one check is switched off. */
export interface Missed {
  readonly check: string;
  /** Attacks of which at least one trial is then not found at all, with the number of these trials. */
  readonly undetected: ReadonlyMap<string, number>;
  /** Attacks of which at least one trial is found, but no longer as its line says. */
  readonly mislocated: ReadonlyMap<string, number>;
  /** Names of the verifier's tests that fail then; null where they were not asked for. */
  readonly tests: readonly string[] | null;
}

/** Judges each trial's report once more, as if a check's findings were not in it. */
export function without(
  check: string,
  results: readonly TrialResult[],
  tests: readonly string[] | null = null,
): Missed {
  const undetected = new Map<string, number>();
  const mislocated = new Map<string, number>();
  for (const { id, report, expected, located } of results) {
    if (
      report === null ||
      expected === null ||
      !located ||
      expected.by === "publisher" ||
      expected.exit === 0 ||
      expected.exit === 3
    )
      continue;
    const divergences = report.divergences.filter((finding) => finding.check !== check);
    if (divergences.length === report.divergences.length) continue;
    if (divergences.length === 0) undetected.set(id, (undetected.get(id) ?? 0) + 1);
    else if (!judgeFindings({ ...report, divergences, first_divergence: divergences[0] ?? null }, expected).located)
      mislocated.set(id, (mislocated.get(id) ?? 0) + 1);
  }
  return { check, undetected, mislocated, tests };
}

const list = (attacks: ReadonlyMap<string, number>): string =>
  [...attacks].map(([id, trials]) => `${id} (${trials})`).join(", ") || "–";

/** How many fail, and one of them. */
const example = (tests: readonly string[] | null): string =>
  tests === null ? "not run" : tests.length === 0 ? "–" : `${tests.length}: ${tests[0]?.replaceAll("|", "\\|") ?? ""}`;

export function formatMissed(missed: readonly Missed[]): string {
  return [
    "| without the check | not found at all (trials) | found, but not as its line says (trials) | tests that fail, and one of them |",
    "| --- | --- | --- | --- |",
    ...missed.map(
      ({ check, undetected, mislocated, tests }) =>
        `| \`${check}\` | ${list(undetected)} | ${list(mislocated)} | ${example(tests)} |`,
    ),
    "",
  ].join("\n");
}
