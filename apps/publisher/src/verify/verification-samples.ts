import type { Seconds } from "@scidex/audit-core";
import { CHECKS, type CheckName } from "@scidex/audit-reader";
import type { Overview } from "@scidex/audit-verifier";
import type { RunSample } from "../metrics/metrics.ts";
import { divergenceSamples, ending, headSamples } from "../metrics/run-metrics.ts";
import type { AlertedReport } from "./alerted-report.ts";

/** @param nowMs milliseconds since the Unix epoch */
export function verificationSamples(report: AlertedReport, overview: Overview, nowMs: number): RunSample[] {
  const newest = newestTime(overview);
  const counts = new Map<string, number>();
  for (const { check } of report.divergences) counts.set(check, (counts.get(check) ?? 0) + 1);
  return [
    ...ending(report.status, nowMs, report.durationMs),
    ["audit_chain_verification_timestamp_seconds", nowMs / 1_000],
    ...headSamples(newest, nowMs),
    ...(report.head === null ? [] : [["audit_chain_head_seq", Number(report.head.seq)] as const]),
    ["audit_chain_anchored_seq", Number(report.anchoredTo)],
    ["audit_chain_unanchored_rows", Number(report.unanchored)],
    ["audit_chain_rows_verified", Number(report.rows)],
    ...divergenceSamples(Object.keys(CHECKS) as CheckName[], counts),
    ["audit_chain_pending_rows", Number(report.pending)],
    ["audit_chain_pending_age_seconds", report.pendingAge ?? 0],
    ["audit_chain_alerts_pending", report.alerts.pending],
    ["audit_chain_alerts_unacknowledged", report.alerts.unacknowledged],
  ];
}

/** The newest signed time in the sinks; undefined where none was read. */
const newestTime = ({ sinks }: Overview): Seconds | undefined =>
  (sinks ?? [])
    .flatMap(({ heads }) => heads.map(({ signedTime }) => signedTime))
    .reduce<Seconds | undefined>((a, b) => (a === undefined || b > a ? b : a), undefined);
