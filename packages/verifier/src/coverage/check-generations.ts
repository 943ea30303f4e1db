import type { Seq } from "@scidex/audit-core";
import type { ReportFinding } from "@scidex/audit-reader";
import { HOW_TO_APPROVE } from "./narrowings.ts";
import type { Policy } from "./policy.ts";
import type { Histories } from "./read-histories.ts";
import type { Generations } from "./generations.ts";

/**
 * What was recorded anew without having been compared: from then on it counts as it was found, whoever had changed it
 * before. So the auditor has to approve it, as what narrows the coverage.
 *
 * @param approvedTo up to which link the policy approves what the history shows; 0 for none
 */
export function checkGenerations(
  generations: Generations,
  histories: Histories,
  policy: Policy | null,
  report: ReportFinding,
  approvedTo: Seq,
): void {
  for (const [kind, list] of generations)
    for (const { seq, statement } of list) {
      const text = notComparedText(histories.get(kind)?.current.relation ?? kind, statement);
      if (text === null || seq <= approvedTo) continue;
      const message = policy === null ? text : `${text}. ${HOW_TO_APPROVE}`;
      report({ check: "coverage_narrowed", seq, eventKind: kind, message });
    }
}

/** What a statement says that it could not compare; null where that is nothing. */
export function notComparedText(
  relation: string,
  { notCompared, changesNotCompared }: { readonly notCompared: number; readonly changesNotCompared: number },
): string | null {
  const parts = [
    ...(notCompared === 0
      ? []
      : [`${notCompared} ${notCompared === 1 ? "row was" : "rows were"} recorded anew as found`]),
    ...(changesNotCompared === 0
      ? []
      : [`${changesNotCompared} ${changesNotCompared === 1 ? "change" : "changes"} stand as found`]),
  ];
  return parts.length === 0
    ? null
    : `${relation}: ${parts.join(", and ")}, since the schema was changed and they could not be compared with what had been recorded`;
}
