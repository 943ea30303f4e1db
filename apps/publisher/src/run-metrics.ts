import { CHECKS, type CheckName } from "@scidex/audit-verifier";
import { RUN_STATUSES, type RunSample, type RunStatus } from "./metrics.ts";
import type { PublishResult } from "./result.ts";
import type { AlertedReport } from "./verify-and-alert.ts";

/** What every run leaves, however it ends. */
function ending(status: RunStatus, now: number, durationMs: number | undefined): RunSample[] {
  return [
    ["audit_chain_run_timestamp_seconds", now / 1_000],
    ...(status === "intact" ? [["audit_chain_run_success_timestamp_seconds", now / 1_000] as const] : []),
    ...(durationMs === undefined ? [] : [["audit_chain_run_duration_seconds", durationMs / 1_000] as const]),
    ...RUN_STATUSES.map((name) => ["audit_chain_run_status", name === status ? 1 : 0, { status: name }] as const),
  ];
}

/** A run that ended with an error. @param now milliseconds since the Unix epoch */
export const failureSamples = (now: number): RunSample[] => ending("failed", now, undefined);

/** @param newest the newest signed time in the sinks, in seconds since the Unix epoch */
export function verificationSamples(report: AlertedReport, newest: bigint | undefined, now: number): RunSample[] {
  const counts = new Map<string, number>();
  for (const { check } of report.divergences) counts.set(check, (counts.get(check) ?? 0) + 1);
  return [
    ...ending(report.status, now, report.duration_ms),
    ["audit_chain_verification_timestamp_seconds", now / 1_000],
    ...headSamples(newest === undefined ? undefined : Number(newest), now),
    ...(report.head === null ? [] : [["audit_chain_head_seq", Number(report.head.seq)] as const]),
    ["audit_chain_anchored_seq", Number(report.anchored_to)],
    ["audit_chain_unanchored_rows", Number(report.unanchored)],
    ["audit_chain_rows_verified", Number(report.rows)],
    ...divergenceSamples(Object.keys(CHECKS) as CheckName[], counts),
    ["audit_chain_pending_rows", Number(report.pending)],
    ["audit_chain_pending_age_seconds", report.pending_age ?? 0],
    ["audit_chain_alerts_pending", report.alerts.pending],
  ];
}

export function publicationSamples(result: PublishResult, now: number): RunSample[] {
  const counts = new Map<string, number>();
  for (const { check } of result.divergences) counts.set(check, (counts.get(check) ?? 0) + 1);
  const { published } = result;
  return [
    ...ending(result.status, now, result.duration_ms),
    ...headSamples(published === null ? undefined : Date.parse(published.published_at) / 1_000, now),
    ...(published === null ? [] : [["audit_chain_head_seq", published.seq] as const]),
    ["audit_chain_rows_verified", result.rows],
    ...divergenceSamples(Object.keys(CHECKS) as CheckName[], counts),
    ["audit_chain_pending_rows", result.pending],
    ["audit_chain_pending_age_seconds", (result.pending_age_ms ?? 0) / 1_000],
    ...result.sinks.map(
      ({ name, status }) => ["audit_chain_sink_behind", status === "ok" ? 0 : 1, { sink: name }] as const,
    ),
  ];
}

function headSamples(time: number | undefined, now: number): RunSample[] {
  if (time === undefined) return [];
  return [
    ["audit_chain_head_timestamp_seconds", time],
    ["audit_chain_head_age_seconds", Math.max(0, now / 1_000 - time)],
  ];
}

/** A zero for each check that found nothing: a series that is there can be alerted on. */
const divergenceSamples = (checks: readonly CheckName[], counts: ReadonlyMap<string, number>): RunSample[] =>
  checks.map((check) => ["audit_chain_divergences", counts.get(check) ?? 0, { check }]);
