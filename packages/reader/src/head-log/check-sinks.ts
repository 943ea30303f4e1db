import { type Beginning, formatSeconds, sameBytes, type Statement } from "@scidex/audit-core";
import type { ReportFinding } from "../finding/finding.ts";
import { isBeginning, isStatement } from "./log-lines.ts";
import type { ReadLog } from "./read-head-log.ts";
import { standingOf } from "./log-standing.ts";
import type { PublishedHead } from "./published-head.ts";
import type { KnownLog } from "./verifier-state.ts";

/**
 * Compares the sinks with each other and with what they are known to have held. A publication is written to every sink
 * in the same order, so each log must be a beginning of the longest one. A log that only lacks the end lags behind: a
 * warning. A log that lacks a line in between, or has another, was changed.
 */
export function checkSinks(
  logs: readonly ReadLog[],
  known: ReadonlyMap<string, KnownLog>,
  report: ReportFinding,
): string[] {
  const warnings: string[] = [];
  for (const log of logs) checkKnown(log, known.get(log.name), report);
  const longest = logs.toSorted((a, b) => b.publications.length - a.publications.length)[0];
  if (longest === undefined) return warnings;
  for (const log of logs) {
    if (log === longest) continue;
    const differs = log.publications.findIndex((one, i) => !isSame(one, longest.publications[i]));
    const behind = longest.publications.length - log.publications.length;
    if (differs !== -1) {
      const [mine, other] = [log.publications[differs], longest.publications[differs]];
      report({
        check: "sink_disagreement",
        ...(other === undefined ? {} : { expected: describe(other) }),
        ...(mine === undefined ? {} : { actual: describe(mine) }),
        message: `${log.name} and ${longest.name} tell different stories from their publication ${differs + 1} on`,
      });
    } else if (behind > 0) {
      warnings.push(
        `sink_behind: ${log.name} has ${behind} publication${behind === 1 ? "" : "s"} less than ${longest.name}`,
      );
    }
  }
  if (logs.length === 1 && known.size === 0) {
    warnings.push(
      "there is a single sink, and no memory yet of what it held: this run cannot see whether it was cut back. Later runs can, with the same --state; a second sink shows it too",
    );
  }
  return warnings;
}

function checkKnown(log: ReadLog, known: KnownLog | undefined, report: ReportFinding): void {
  if (known === undefined) return;
  const standing = standingOf(log, known);
  if (standing === "cut") {
    report({
      check: "sink_rewound",
      expected: `${known.lines} lines`,
      actual: `${log.lines} lines`,
      message: `${log.name} was cut back: it had ${known.lines} lines when it was last verified`,
    });
  } else if (standing === "changed") {
    report({
      check: "sink_rewound",
      expected: known.digest,
      ...(log.digestAtKnown === undefined ? {} : { actual: log.digestAtKnown }),
      message: `the first ${known.lines} lines of ${log.name} are not those that were there when it was last verified`,
    });
  }
}

type Published = PublishedHead | Statement | Beginning;

function isSame(a: Published, b: Published | undefined): boolean {
  if (b === undefined) return false;
  if ("note" in a || "note" in b) return "note" in a && "note" in b && sameBytes(a.hash, b.hash);
  return a.seq === b.seq && a.signedTime === b.signedTime && sameBytes(a.root, b.root);
}

function describe(one: Published): string {
  if (isBeginning(one))
    return `the beginning of ${JSON.stringify(one.origin)} signed at ${formatSeconds(one.signedTime)}`;
  return isStatement(one)
    ? `a statement about ${JSON.stringify(one.kind)} signed at ${formatSeconds(one.signedTime)}`
    : `seq ${one.seq} published at ${one.publishedAt}`;
}
