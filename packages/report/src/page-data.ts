import type { ProvenEvent } from "@scidex/audit-core";
import type { Finding } from "@scidex/audit-reader";

/** What a page says of a verification that could not be done. */
export interface FailureData {
  /** When it failed, in milliseconds since the Unix epoch. */
  readonly failedAt: number;
  readonly command: string;
  readonly origin: string | null;
  readonly database: string | null;
  /** Why, without passwords. */
  readonly reason: string;
}

/** What a page is made of. The verifier's `VerificationReport` and `Overview` are what `report` and `overview` ask for. */
export interface PageData {
  readonly report: PageReport;
  readonly overview: PageOverview;
  /** When the verification ended, in milliseconds since the Unix epoch. */
  readonly verifiedAt: number;
  /** The command that made the page. */
  readonly command: string;
  /** The log's name, if it is known. */
  readonly origin: string | null;
  /** Which database, without passwords; null if it is not to be said. */
  readonly database: string | null;
  /** Whether the whole chain was asked for, and not a window or a shard of it. */
  readonly isWhole: boolean;
  /** What else is to be said, a sentence each: what became of alerts, for example. */
  readonly notes: readonly string[];
}

export type Status = "intact" | "tampered" | "unproven";

/** What a page shows of a verification's report. */
export interface PageReport {
  readonly status: Status;
  readonly range: { readonly from: bigint; readonly to: bigint };
  readonly rows: bigint;
  readonly head: { readonly seq: bigint; readonly chainHash: string; readonly appendedAt: string } | null;
  readonly anchoredTo: bigint;
  readonly unanchored: bigint;
  readonly pending: bigint;
  readonly pendingAge: number | null;
  readonly eventsWithoutSource: bigint;
  readonly firstDivergence: Finding | null;
  readonly divergences: readonly Finding[];
  readonly divergenceCount: number;
  readonly accepted: readonly PageAccepted[];
  /** Rows that are missing by their table's retention, by kind and month. */
  readonly retired: readonly { readonly kind: string; readonly month: string; readonly rows: number }[];
  readonly erased: readonly { readonly kind: string; readonly rows: number }[];
  /** Rows that were put back, by kind, with the newest event that says so. */
  readonly restored: readonly {
    readonly kind: string;
    readonly rows: number;
    readonly seq: bigint;
    readonly at: string | null;
  }[];
  /** Logs that have ended, oldest first, with what was lost. */
  readonly earlierLogs: readonly PageEarlierLog[];
  readonly checks: Readonly<Record<string, "ok" | "failed" | "unproven" | "skipped">>;
  readonly notCovered: readonly { readonly relation: string; readonly column: string }[];
  readonly unproven: readonly string[];
  readonly warnings: readonly string[];
  readonly durationMs: number;
}

/** A finding that the policy accepts, or many in one. */
export interface PageAccepted extends Finding {
  readonly count?: number;
  readonly reason: string;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Links, both included. */
interface PageLinks {
  readonly fromSeq: bigint;
  readonly toSeq: bigint;
}

/** A log that has ended, and since when and why another one goes on in its place. */
export interface PageEarlierLog {
  readonly origin: string;
  readonly seq: bigint;
  readonly lost: PageLinks | null;
  readonly misdated: readonly PageLinks[];
  readonly beganAt: string;
  readonly reason: string;
}

export interface PageHead {
  readonly seq: bigint;
  /** In seconds since the Unix epoch. */
  readonly signedTime: bigint;
}

export interface PageSink {
  readonly name: string;
  /** In the order in which they were published. */
  readonly heads: readonly PageHead[];
}

export interface PageKind {
  readonly kind: string;
  readonly links: number;
  readonly matched: number | null;
}

export interface PageChange {
  /** The link that records it. */
  readonly seq: bigint | null;
  readonly action: string;
  readonly kind: string;
  readonly relation: string;
  readonly keyColumns: readonly string[];
  readonly columns: readonly string[];
  readonly excluded: readonly string[];
  readonly changes: string;
  readonly mode: string;
  readonly complete: boolean;
  readonly actor: string;
  /** As PostgreSQL prints it in UTC. */
  readonly recordedAt: string;
}

/** What was recorded anew of a table after its shape had changed, as the publisher has stated it. */
export interface PageRecorded {
  /** The link that records the statement. */
  readonly seq: bigint;
  /** In seconds since the Unix epoch. */
  readonly signedTime: bigint;
  readonly kind: string;
  readonly compared: number;
  readonly notCompared: number;
  readonly changesNotCompared: number;
}

/** The proof of a link, and what it shows. */
export interface PageProof extends ProvenEvent {
  /** The tlog-proof. */
  readonly text: string;
}

/** Proofs of what was published as the links that findings name. They have been verified. */
export interface PageProofs {
  /** By seq. */
  readonly made: ReadonlyMap<bigint, PageProof>;
  /** Why other links have none, in words, with how many they are. */
  readonly missing: ReadonlyMap<string, number>;
}

/** Null is what was not looked at. */
export interface PageOverview {
  readonly sinks: readonly PageSink[] | null;
  readonly kinds: {
    readonly listed: readonly PageKind[];
    readonly others: { readonly kinds: number; readonly links: number };
  } | null;
  readonly coverage: readonly PageChange[] | null;
  /** In the order of the chain. */
  readonly recordedAnew: readonly PageRecorded[];
  readonly proofs: PageProofs | null;
}
