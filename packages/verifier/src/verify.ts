import type { Sql } from "postgres";
import { otherDatabase, overdueVerdict } from "./causes.ts";
import { checkRange, CHECKS, type Finding, type VerifierState } from "@scidex/audit-reader";
import { joiningSince, notCoveredOf, overdueColumns } from "./coverage/not-covered.ts";
import { DeadlineError, startDeadline } from "./deadline.ts";
import { type LinkProofs, proveFindings } from "./prove/prove-findings.ts";
import type { Observations } from "./report/observations.ts";
import { makeReport } from "./report/make-report.ts";
import { reportAbout } from "./report/report-about.ts";
import type { Overview } from "./report/overview.ts";
import { isVerdict, type VerificationReport } from "./report/verification-report.ts";
import { type VerifiedShard, verifiedShard } from "./shards/verified-shard.ts";
import { type ParsedTrust, parseTrust, type Trust } from "./trust.ts";
import { untilLinked } from "./until-linked.ts";
import { observe } from "./verification.ts";
import { DEFAULT_CHECK_GROUPS, isWholeChain, VERIFY_DEFAULTS, type VerifyOptions } from "./verify-options.ts";

/** How often the database is looked at, at most, until two looks have found the same. */
export const MAX_LOOKS = 4;

/** The same while tables are being rewritten: under one migration after another, four looks can all come too late. */
const MAX_LOOKS_AT_REWRITING = 20;

/** What comes of a verification. */
export interface Verification {
  readonly report: VerificationReport;
  /** What a person needs to picture the chain. */
  readonly overview: Overview;
  /** To be saved, and trusted the next time. */
  readonly state: VerifierState;
  /** Of a shard: what it shares with the others, and where it begins. */
  readonly shard: VerifiedShard | null;
}

/**
 * Verifies the chain, its published heads and the audited rows. Reads only. Whatever it finds is looked for again in a
 * fresh snapshot before it is reported: DDL that rewrites a table can hide rows from a snapshot that is open. What was
 * seen in the last look only makes the report `unproven`. Where a connection is lost, it fails at once. The client must
 * then be ended with a time limit, `sql.end({ timeout: 1 })`: the driver may wait for ever for one of the other
 * connections.
 *
 * @param sql a client of the `postgres` driver, whose options are taken for connections of the verifier's own; its role needs `scidex_audit_ro` for links
 *   and heads, `scidex_audit_inspector` for every check
 * @throws {VerifierError} `not_initialised`, `keys_malformed`, `origin_missing`, `range_invalid`, `protocol`; errors of the driver
 */
export async function verify(sql: Sql, trust: Trust, options: VerifyOptions = {}): Promise<Verification> {
  const started = performance.now();
  const startedAt = new Date().toISOString();
  checkRange(options);
  const parsed = parseTrust(trust);
  const deadline = startDeadline(options.maxDurationMs ?? VERIFY_DEFAULTS.maxDurationMs, options.signal);
  let found: Observations;
  try {
    found = await observe(sql, parsed, options, deadline);
    const waitUntil = performance.now() + (options.captureWaitMs ?? VERIFY_DEFAULTS.captureWaitMs);
    const isOpen = (): boolean => (found.findings.unconfirmed > 0 || found.isTransient) && !deadline.isPassed;
    for (let looks = 1; isOpen() && looks < (found.isRewritten ? MAX_LOOKS_AT_REWRITING : MAX_LOOKS); looks++) {
      if (found.awaitsLinking) await untilLinked(sql, found.stream?.writtenTo ?? null, waitUntil, deadline.passed);
      found = await observe(sql, parsed, options, deadline, { earlier: found });
    }
  } finally {
    deadline.clear();
  }
  const now = options.now ?? Date.now();
  const { state, policy } = parsed;
  // A clock that was ahead once must not put the bound off.
  const awaitedSince = Math.min(state.awaitedSince ?? now, now);
  const other = otherDatabase(found, state.server ?? null);
  const joining = joiningSince(state.joining ?? new Map(), found.notCovered, now);
  const known = { notCovered: notCoveredOf(joining), overdue: overdueColumns(joining, policy, now) };
  const about = reportAbout(sql, parsed, startedAt);
  const judged = makeReport(found, known, options, { about, durationMs: performance.now() - started });
  let report = other === undefined ? judged : excused(judged, other);
  const hasVerdict = isFull(options) && isVerdict(report);
  const overdue = hasVerdict ? undefined : overdueVerdict(policy, awaitedSince, now);
  if (overdue !== undefined && options.checks?.includes("heads") !== false) report = withFinding(report, overdue);
  const proofs = options.proveFindings === true ? await proofsOf(sql, parsed, report, options.signal) : null;
  return {
    report,
    overview: { ...found.overview, proofs },
    state: { ...nextState(state, found, report, hasVerdict ? now : awaitedSince), joining },
    shard: options.shard === undefined ? null : verifiedShard(found, options),
  };
}

/** So long proofs may take, in milliseconds: the report waits for them. */
const MAX_PROVING_MS = 5 * 60_000;

async function proofsOf(
  sql: Sql,
  { sinks, ...trust }: ParsedTrust,
  { divergences }: VerificationReport,
  signal: AbortSignal | undefined,
): Promise<LinkProofs> {
  const deadline = startDeadline(MAX_PROVING_MS, signal);
  try {
    return await Promise.race([proveFindings({ sql, heads: sinks }, trust, divergences), deadline.passed]);
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    return { made: new Map(), missing: new Map([["they took too long to be made", divergences.length]]) };
  } finally {
    deadline.clear();
  }
}

const isFull = (options: VerifyOptions): boolean =>
  DEFAULT_CHECK_GROUPS.every((group) => options.checks?.includes(group) ?? true) &&
  options.onlyConfiguration !== true &&
  isWholeChain(options);

/** What was found in another database says nothing. What was found in the sinks stays. */
function excused(report: VerificationReport, reason: string): VerificationReport {
  const divergences = report.divergences.filter(
    ({ check }) => check.startsWith("sink_") || check === "witness_missing",
  );
  return {
    ...report,
    status: divergences.length > 0 ? "tampered" : "unproven",
    divergences,
    divergenceCount: divergences.length,
    firstDivergence: divergences[0] ?? null,
    checks: Object.fromEntries(
      Object.entries(report.checks).map(([group, result]) => [
        group,
        result === "skipped" || divergences.some((divergence) => divergence.group === group) ? result : "unproven",
      ]),
    ) as VerificationReport["checks"],
    unproven: [`heads: ${reason}`],
  };
}

/** A finding about the verifications themselves, which no look can confirm. */
function withFinding(report: VerificationReport, finding: Finding): VerificationReport {
  const { check, ...rest } = finding;
  const divergences = [...report.divergences, { check, group: CHECKS[check], ...rest }];
  return {
    ...report,
    status: "tampered",
    divergences,
    divergenceCount: report.divergenceCount + 1,
    firstDivergence: divergences[0] ?? null,
    checks: { ...report.checks, [CHECKS[check]]: "failed" },
  };
}

/**
 * What was found in a sink is remembered only where the sinks are as they were: else the finding would be gone next time. The
 * server is the one whose chain was found intact, with a published head that fits.
 */
function nextState(
  state: VerifierState,
  { published, server, chain, from }: Observations,
  report: VerificationReport,
  awaitedSince: number,
): VerifierState {
  const isSound = !report.divergences.some(({ check }) => check.startsWith("sink_"));
  const isPublished = report.status === "intact" && chain.anchoredTo >= from;
  return {
    sinks: isSound && published !== null ? new Map([...state.sinks, ...published.known]) : state.sinks,
    server: isPublished ? server : (state.server ?? null),
    awaitedSince,
  };
}
