import { EXIT, escapeText, type Outcome, progress, writeOut } from "@scidex/audit-command";
import type { Seq } from "@scidex/audit-core";
import {
  type Approval,
  type CoverageChange,
  describeChanges,
  type DescribedChange,
  type DescribedDifference,
  describeDifferences,
  describeRecorded,
  formatReport,
  type Policy,
  type RecordedTable,
  type Verification,
  type VerificationReport,
  verify,
  type VerifyOptions,
} from "@scidex/audit-verifier";
import { describeReport } from "@scidex/audit-verifier/command";
import type { Sql } from "postgres";
import { approvalOf, type Published } from "./published.ts";

/** Heads may be old here: whether the publisher still runs is for the nightly verification to say. */
const NO_MATTER_HOW_OLD_MS = 100 * 365 * 24 * 3_600_000;

/** What was found of a chain and of the history of what is covered. */
export interface VerifiedHistory {
  /** Of the links, the published heads and the configuration's own rows. */
  readonly report: VerificationReport;
  /** Null where the configuration could not be read. */
  readonly history: readonly CoverageChange[] | null;
  /** What was recorded anew, as the publisher has stated it. */
  readonly recorded: readonly RecordedTable[];
  /** The newest published head, where the chain fits it and nothing speaks against anything; undefined for none. */
  readonly head: Approval | undefined;
}

/** Verifies links, heads and configuration in one snapshot, so that what is shown and approved is what was published. */
export async function verifyHistory(
  sql: Sql,
  policy: Policy,
  origin: string | undefined,
  published: Published,
  signal: AbortSignal,
): Promise<VerifiedHistory> {
  const { report, overview } = await look(sql, policy, origin, published, { onlyConfiguration: true, signal });
  const { heads } = published;
  const newest = report.status === "intact" ? heads.findLast(({ seq }) => seq <= report.anchoredTo) : undefined;
  const { coverage: history, recordedAnew: recorded } = overview;
  return { report, history, recorded, head: newest && approvalOf(newest) };
}

/** Verifies links, heads and audited rows. */
export async function verifyRows(
  sql: Sql,
  policy: Policy,
  origin: string | undefined,
  published: Published,
  signal: AbortSignal,
): Promise<VerificationReport> {
  return (await look(sql, policy, origin, published, { signal })).report;
}

async function look(
  sql: Sql,
  policy: Policy,
  origin: string | undefined,
  { keys, sinks }: Published,
  options: VerifyOptions,
): Promise<Verification> {
  const line = progress({ label: "verify" });
  try {
    return await verify(
      sql,
      { origin, keys, heads: sinks, policy },
      {
        ...options,
        checks: ["links", "heads", "sources"],
        maxHeadAgeMs: NO_MATTER_HOW_OLD_MS,
        allowUnanchored: sinks.length === 0,
        onProgress: (rows) => line.update(rows),
      },
    );
  } finally {
    line.done();
  }
}

/** Prints why nothing can be said or approved: tampering is exit 1, what could not be checked exit 3. */
export async function refuse(report: VerificationReport, json: boolean | undefined): Promise<Outcome> {
  await writeOut(json === true ? `${formatReport(report)}\n` : describeReport(report));
  return { exit: report.status === "tampered" ? EXIT.tampered : EXIT.failed };
}

/** What has come since a policy was approved. */
export interface Changes {
  readonly since: Approval | undefined;
  readonly changes: readonly DescribedChange[];
  readonly differences: readonly DescribedDifference[];
}

export const changesSince = (
  history: readonly CoverageChange[],
  recorded: readonly RecordedTable[],
  policy: Policy,
): Changes => ({
  since: policy.approved,
  changes: [...describeChanges(history, policy), ...describeRecorded(history, recorded, policy)].toSorted((a, b) =>
    a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0,
  ),
  differences: describeDifferences(history, policy),
});

/** Whether the verifier would find less than it is allowed to. */
export const narrows = ({ changes, differences }: Changes): boolean =>
  changes.some(({ needsApproval }) => needsApproval) || differences.some((difference) => difference.narrows);

/** The same in words, a sentence a line. What comes from the database is escaped. */
export function changeLines({ since, changes, differences }: Changes, published: Seq | undefined): string[] {
  const none = `no change of what is covered since ${since === undefined ? "the beginning" : `seq ${since.seq}`}`;
  return [
    ...(changes.length === 0 ? [none] : changes.map((change) => changeLine(change, published))),
    ...differences.map(({ text, narrows: isLess }) => `now: ${escapeText(text)}${isLess ? "; this is less" : ""}`),
  ];
}

/** @param published up to where the chain is published; undefined where that is not known */
export function changeLine(change: DescribedChange, published: Seq | undefined): string {
  const { seq, recordedAt, actor, text, narrows: isLess, needsApproval } = change;
  const verdict = needsApproval
    ? "; this narrows, and needs approval"
    : "; this narrows, as the policy's tables expect";
  const isNew = published !== undefined && seq > published;
  return `seq ${seq}, ${escapeText(recordedAt)}, by ${escapeText(actor)}: ${escapeText(text)}${isLess ? verdict : ""}${isNew ? "; not published yet" : ""}`;
}
