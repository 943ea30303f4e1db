import { availableParallelism } from "node:os";
import { BOUNDS, type CheckGroup, type RangeRequest } from "@scidex/audit-reader";

/** What is checked when the caller does not choose. */
export const DEFAULT_CHECK_GROUPS: readonly CheckGroup[] = [
  "links",
  "heads",
  "sources",
  "access",
  "coverage",
  "structure",
];

/**
 * The groups that a run checks. What applications get is checked in whole runs, by the first shard: it depends on the
 * tables as they are, and not on a part of the chain.
 */
export function wantedGroups(options: VerifyOptions): readonly CheckGroup[] {
  return options.checks ?? DEFAULT_CHECK_GROUPS.filter((group) => isWholeRun(options) || group !== "access");
}

/** Whether a run is of the whole chain, or the first shard of one: that does what is to be done once. */
export const isWholeRun = ({ startSeq = 1n, endSeq, shard }: VerifyOptions): boolean =>
  startSeq === 1n && endSeq === undefined && (shard?.number ?? 1) === 1;

/** Whether a run is the first shard, or none. */
export const isFirstShard = ({ shard }: VerifyOptions): boolean => (shard?.number ?? 1) === 1;

/** Whether neither a window nor a shard of the chain is asked for. */
export const isWholeChain = ({ startSeq = 1n, endSeq, shard }: VerifyOptions): boolean =>
  startSeq === 1n && endSeq === undefined && shard === undefined;

export const VERIFY_DEFAULTS = {
  maxHeadAgeMs: 24 * 60 * 60 * 1000,
  maxDurationMs: BOUNDS.maxDurationMs,
  captureWaitMs: 30_000,
} as const;

/** The most jobs that there are without being asked for. */
const MAX_DEFAULT_JOBS = 4;

/** How many jobs a long chain gets without being asked for. */
export const defaultJobs = (): number => Math.min(availableParallelism(), MAX_DEFAULT_JOBS);

/** From how many links on more than one job is worth it: starting a thread takes as long as 100,000 rows. */
export const MIN_ROWS_FOR_JOBS = 200_000;

/**
 * What a verification looks at, and how.
 *
 * `startSeq` and `endSeq` are the first and last seq, both included; the ends are widened to published heads. `shard`
 * takes one part of that range: what is found in all shards together is what is found in the whole. Rows that no event
 * belongs to are judged by the first shard, what is pending by the last.
 */
export interface VerifyOptions extends RangeRequest {
  readonly checks?: readonly CheckGroup[] | undefined;
  readonly maxHeadAgeMs?: number | undefined;
  /** Milliseconds that the verification may take; past them it is broken off, and the report is `unproven`. */
  readonly maxDurationMs?: number | undefined;
  /** Milliseconds that it waits for the capture process to link what tables in the mode `stream` have more than the chain. */
  readonly captureWaitMs?: number | undefined;
  /** Breaks the verification off, which then fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Accept that there are no sinks: then nothing shows a cut or a full rewrite. */
  readonly allowUnanchored?: boolean | undefined;
  /**
   * Of the audited tables compare none with the chain, but the configuration: enough to know what was covered when, and
   * no verdict on the rows.
   */
  readonly onlyConfiguration?: boolean | undefined;
  /** The time now, in milliseconds since the Unix epoch. */
  readonly now?: number | undefined;
  /**
   * On how many connections and threads at most a whole chain is read. Default: as many as there are processors, up to
   * four, and one for a chain that is so short that a thread takes longer to start. Each takes a
   * connection of the verifier's own.
   */
  readonly jobs?: number | undefined;
  /**
   * Walk along every row in plain TypeScript, also where the fast way could vouch for all of them. It finds the same, and
   * is for those who want to depend on as little as possible.
   */
  readonly plain?: boolean | undefined;
  /**
   * Of a shard: what all shards share, and nobody else knows. Then it takes the fast way through its links and tables, and
   * what it says of events and rows holds once `mergeReports` has compared the sums of all of them.
   */
  readonly shardSecret?: { readonly run: string; readonly secret: string } | undefined;
  /** Of such a shard: compare its tables with their events in order all the same. */
  readonly inOrder?: boolean | undefined;
  /** Also prove what was published as the links that findings name, for a page (`overview.proofs`). */
  readonly proveFindings?: boolean | undefined;
  /** Called now and then with the number of links read so far. */
  readonly onProgress?: ((rows: number) => void) | undefined;
}
