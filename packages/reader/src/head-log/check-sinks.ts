import { sameBytes } from "@scidex/audit-core";
import type { ReportFinding } from "../finding/finding.ts";
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
  const longest = logs.toSorted((a, b) => b.heads.length - a.heads.length)[0];
  if (longest === undefined) return warnings;
  for (const log of logs) {
    if (log === longest) continue;
    const differs = log.heads.findIndex((head, i) => !isSamePublication(head, longest.heads[i]));
    const behind = longest.heads.length - log.heads.length;
    if (differs !== -1) {
      const [mine, other] = [log.heads[differs], longest.heads[differs]];
      report({
        check: "sink_disagreement",
        ...(other === undefined ? {} : { expected: describe(other) }),
        ...(mine === undefined ? {} : { actual: describe(mine) }),
        message: `${log.name} and ${longest.name} tell different stories from their head ${differs + 1} on`,
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

function isSamePublication(a: PublishedHead, b: PublishedHead | undefined): boolean {
  return b !== undefined && a.seq === b.seq && a.signedTime === b.signedTime && sameBytes(a.root, b.root);
}

const describe = (head: PublishedHead) => `seq ${head.seq} published at ${head.publishedAt}`;
