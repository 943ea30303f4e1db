import type { Seconds } from "@scidex/audit-core";
import type { CheckName } from "@scidex/audit-reader";
import { RUN_STATUSES, type RunSample, type RunStatus } from "./metrics.ts";

/**
 * What every run leaves, however it ends.
 *
 * @param nowMs milliseconds since the Unix epoch
 */
export function ending(status: RunStatus, nowMs: number, durationMs: number | undefined): RunSample[] {
  return [
    ["audit_chain_run_timestamp_seconds", nowMs / 1_000],
    ...(status === "intact" ? [["audit_chain_run_success_timestamp_seconds", nowMs / 1_000] as const] : []),
    ...(durationMs === undefined ? [] : [["audit_chain_run_duration_seconds", durationMs / 1_000] as const]),
    ...RUN_STATUSES.map((name) => ["audit_chain_run_status", name === status ? 1 : 0, { status: name }] as const),
  ];
}

/** A run that ended with an error. */
export const failureSamples = (nowMs: number): RunSample[] => ending("failed", nowMs, undefined);

/** @param newest the newest signed time */
export function headSamples(newest: Seconds | undefined, nowMs: number): RunSample[] {
  if (newest === undefined) return [];
  const seconds = Number(newest);
  return [
    ["audit_chain_head_timestamp_seconds", seconds],
    ["audit_chain_head_age_seconds", Math.max(0, nowMs / 1_000 - seconds)],
  ];
}

/** A zero for each check that found nothing: a series that is there can be alerted on. */
export const divergenceSamples = (checks: readonly CheckName[], counts: ReadonlyMap<string, number>): RunSample[] =>
  checks.map((check) => ["audit_chain_divergences", counts.get(check) ?? 0, { check }]);
