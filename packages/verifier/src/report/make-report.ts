import { formatTime } from "@scidex/audit-core";
import { CHECKS, type CheckName, type CheckGroup, CHECK_GROUPS } from "@scidex/audit-reader";
import type { NotCovered } from "../coverage/not-covered.ts";
import { type Generations, recordedTables } from "../coverage/generations.ts";
import type { ErasedCount, ErasedRow } from "../rows/erasure.ts";
import { earlierLogsOf } from "./earlier-logs.ts";
import type { Observations } from "./observations.ts";
import type { ReportAbout } from "./report-about.ts";
import {
  chainHead,
  type CheckGroupResult,
  type RecordedAnewCount,
  type VerificationReport,
} from "./verification-report.ts";
import { type VerifyOptions, wantedGroups } from "../verify-options.ts";

/** What is judged beside the last look, by what has been known before. */
export interface Known {
  readonly notCovered: readonly NotCovered[];
  /** Why audited tables are not proven: columns that have been left out for too long. */
  readonly overdue: readonly string[];
}

/** The report of the last look. */
export function makeReport(
  looked: Observations,
  { notCovered, overdue }: Known,
  options: VerifyOptions,
  { about, durationMs }: { readonly about: ReportAbout; readonly durationMs: number },
): VerificationReport {
  const late = overdue.map((reason) => ({ group: "sources" as const, reason }));
  const found = { ...looked, unproven: [...looked.unproven, ...late] };
  const { chain, findings, pending } = found;
  const divergences = findings.list();
  const unproven = found.unproven.map(({ group, reason }) => `${group}: ${reason}`);
  if (findings.unconfirmed > 0)
    unproven.push(
      `the database changed while it was verified: ${findings.unconfirmed} findings of the last look were not there in the look before. Verify again.`,
    );
  return {
    status: findings.count > 0 ? "tampered" : unproven.length > 0 ? "unproven" : "intact",
    range: { from: found.from, to: chain.to },
    rows: BigInt(chain.rows),
    head: chain.last === null ? null : chainHead(chain.last),
    anchoredTo: chain.anchoredTo,
    unanchored: chain.to > chain.anchoredTo ? chain.to - chain.anchoredTo : 0n,
    pending: pending?.rows ?? 0n,
    pendingAge: pending?.age ?? null,
    eventsWithoutSource: found.eventsWithoutSource,
    firstDivergence: divergences[0] ?? null,
    divergences,
    divergenceCount: findings.count,
    many: found.many,
    accepted: found.accepted,
    checks: groupResults(found, options),
    notCovered,
    retired: found.retired,
    erased: erasedByKind(found.erased),
    restored: found.restored.map((one) => ({ ...one, at: one.at === null ? null : formatTime(one.at) })),
    earlierLogs: earlierLogsOf(found.published),
    witnesses: found.witnesses,
    recordedAnew: recordedByKind(found.generations),
    unproven,
    warnings: found.warnings,
    durationMs: Math.round(durationMs),
    accessMs: Math.round(found.accessMs),
    ...about,
  };
}

function recordedByKind(generations: Generations): RecordedAnewCount[] {
  const counts = new Map<string, RecordedAnewCount>();
  for (const { kind, compared, notCompared } of recordedTables(generations)) {
    const before = counts.get(kind) ?? { kind, compared: 0, notCompared: 0 };
    counts.set(kind, { kind, compared: before.compared + compared, notCompared: before.notCompared + notCompared });
  }
  return [...counts.values()];
}

function groupResults(found: Observations, options: VerifyOptions): Record<CheckGroup, CheckGroupResult> {
  const failed = new Set<CheckGroup>([...found.findings.counts.keys()].map((check: CheckName) => CHECKS[check]));
  const unproven = new Set(found.unproven.map(({ group }) => group));
  const wanted = wantedGroups(options);
  const resultOf = (group: CheckGroup): CheckGroupResult => {
    if (failed.has(group)) return "failed";
    if (!wanted.includes(group)) return "skipped";
    return unproven.has(group) ? "unproven" : "ok";
  };
  return Object.fromEntries(CHECK_GROUPS.map((group) => [group, resultOf(group)])) as Record<
    CheckGroup,
    CheckGroupResult
  >;
}

function erasedByKind(erased: readonly ErasedRow[]): ErasedCount[] {
  const byKind = Map.groupBy(erased, ({ kind }) => kind);
  return [...byKind].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([kind, rows]) => ({ kind, rows: rows.length }));
}
