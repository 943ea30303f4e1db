import { CHECKS, type CheckName } from "@scidex/audit-reader";
import type { RunSample } from "../alerts/metrics.ts";
import { divergenceSamples, ending, headSamples } from "../alerts/run-metrics.ts";
import type { AlertedReport } from "./alerted-report.ts";

/** @param newest the newest signed time in the sinks, in seconds since the Unix epoch */
export function verificationSamples(report: AlertedReport, newest: bigint | undefined, now: number): RunSample[] {
  const counts = new Map<string, number>();
  for (const { check } of report.divergences) counts.set(check, (counts.get(check) ?? 0) + 1);
  return [
    ...ending(report.status, now, report.durationMs),
    ["audit_chain_verification_timestamp_seconds", now / 1_000],
    ...headSamples(newest === undefined ? undefined : Number(newest), now),
    ...(report.head === null ? [] : [["audit_chain_head_seq", Number(report.head.seq)] as const]),
    ["audit_chain_anchored_seq", Number(report.anchoredTo)],
    ["audit_chain_unanchored_rows", Number(report.unanchored)],
    ["audit_chain_rows_verified", Number(report.rows)],
    ...divergenceSamples(Object.keys(CHECKS) as CheckName[], counts),
    ["audit_chain_pending_rows", Number(report.pending)],
    ["audit_chain_pending_age_seconds", report.pendingAge ?? 0],
    ["audit_chain_alerts_pending", report.alerts.pending],
  ];
}
