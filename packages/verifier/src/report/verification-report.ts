import { formatTime, jsonForm, jsonText, type Seq, toHex } from "@scidex/audit-core";
import type { AcceptedFinding, ManyFindings } from "../coverage/acceptance/accepting.ts";
import type { ErasedCount } from "../rows/erasure.ts";
import type { RetiredRows } from "../rows/retirement.ts";
import type { NotCovered } from "../coverage/not-covered.ts";
import type { Divergence, CheckGroup } from "@scidex/audit-reader";
import type { WitnessesReport } from "./witnesses.ts";
import type { ReportAbout } from "./report-about.ts";

/** A published position, or the chain's own head. */
export interface ChainHead {
  readonly seq: bigint;
  readonly chainHash: string;
  readonly appendedAt: string;
}

/** What became of a group of checks. */
export type CheckGroupResult = "ok" | "failed" | "unproven" | "skipped";

/** How many rows of a kind were recorded anew after they had been compared, and how many without that. */
export interface RecordedAnewCount {
  readonly kind: string;
  readonly compared: number;
  readonly notCompared: number;
}

/** How often rows of a kind were put back, and the newest event of that. */
export interface RestoredCount {
  readonly kind: string;
  readonly rows: number;
  readonly seq: Seq;
  /** When it was linked; null where that is no time. */
  readonly at: string | null;
}

/** A log that has ended, as the statement says that ended it. */
export interface EndedLogReport {
  readonly origin: string;
  /** Its last head. */
  readonly seq: Seq;
  readonly chainHash: string;
  /** The log that has followed it, since when, and why. */
  readonly next: string;
  readonly beganAt: string;
  readonly reason: string;
  /** SHA-256 of the statement, as the policy has it. */
  readonly statement: string;
  /** Up to which link the chain fits what it had published; 0 for none. */
  readonly fitsTo: Seq;
  /** Links that it had published and the chain does not have as they were, or not for certain; null for none. */
  readonly lost: { readonly fromSeq: Seq; readonly toSeq: Seq } | null;
  /** Links whose times are known to be false since. */
  readonly misdated: readonly { readonly fromSeq: Seq; readonly toSeq: Seq }[];
}

export interface EarlierLogReport extends EndedLogReport {
  /** When its last head was signed; null where no sink has it any more. */
  readonly endedAt: string | null;
}

/** What a verification found. Numbers are bigint; `formatReport` writes them as JSON numbers. */
export interface VerificationReport extends ReportAbout {
  /**
   * `tampered`: something was found. `unproven`: nothing was, but something that the caller did not exclude could not
   * be checked. `intact`: everything was checked, and holds.
   */
  readonly status: "intact" | "tampered" | "unproven";
  readonly range: { readonly from: bigint; readonly to: bigint };
  /** Links that were checked. */
  readonly rows: bigint;
  readonly head: ChainHead | null;
  /** The highest seq whose published head fits. */
  readonly anchoredTo: bigint;
  /** Links after it: whoever has full write authority can still rewrite them unseen. */
  readonly unanchored: bigint;
  /** Captured rows that are not linked yet. */
  readonly pending: bigint;
  /** Age of the oldest of them, in seconds. */
  readonly pendingAge: number | null;
  readonly eventsWithoutSource: bigint;
  readonly firstDivergence: Divergence | null;
  readonly divergences: readonly Divergence[];
  readonly divergenceCount: number;
  /** Of these, what `audit-chain accept` accepts in one entry: more than 100 of one check and kind. */
  readonly many: readonly ManyFindings[];
  /** What was found and the policy accepts: no divergence. */
  readonly accepted: readonly AcceptedFinding[];
  readonly checks: Readonly<Record<CheckGroup, CheckGroupResult>>;
  /** Columns of audited tables that nobody has taken in yet, the longest known first. */
  readonly notCovered: readonly NotCovered[];
  /** Rows that are missing by their table's retention, by kind and month of their last change. */
  readonly retired: readonly RetiredRows[];
  /** How many rows of which kind have been erased, by statements that the policy allows. */
  readonly erased: readonly ErasedCount[];
  /** How many rows of which kind were put back as they had been recorded, and the newest event that says so. */
  readonly restored: readonly RestoredCount[];
  /** Logs that have ended, oldest first, with what was lost. */
  readonly earlierLogs: readonly EarlierLogReport[];
  /** Who has cosigned the newest head; null without a trust policy, or a head. */
  readonly witnesses: WitnessesReport | null;
  /** How many rows of which kind were recorded anew, as the publisher has stated it. */
  readonly recordedAnew: readonly RecordedAnewCount[];
  /** What could not be checked, and why. */
  readonly unproven: readonly string[];
  readonly warnings: readonly string[];
  readonly durationMs: number;
  /** How much of it the group `access` took. */
  readonly accessMs: number;
}

/** Whether a report is a verdict on what was asked for. That none has come for too long is no verdict. */
export const isVerdict = ({ status, divergences }: Pick<VerificationReport, "status" | "divergences">): boolean =>
  status !== "unproven" && !divergences.some(({ check }) => check === "verdict_overdue");

/**
 * The report as one line of JSON (docs, "Report"), in which text from the database cannot do anything to a terminal. Numbers
 * beyond 2^53 - 1, which only a hostile database has, become text.
 */
export const formatReport = (report: VerificationReport): string => jsonText(jsonForm(report));

/** A position for the report; null where the time has no form. */
export function chainHead(row: { seq: bigint; chainHash: Uint8Array; appendedAt: bigint | null }): ChainHead {
  let appendedAt = "infinite";
  try {
    if (row.appendedAt !== null) appendedAt = formatTime(row.appendedAt);
  } catch {
    appendedAt = "outside the years 2000 to 9999";
  }
  return { seq: row.seq, chainHash: toHex(row.chainHash), appendedAt };
}
