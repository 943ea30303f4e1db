import { parseSeconds } from "@scidex/audit-core";
import { CHECKS, type CheckName } from "@scidex/audit-reader";
import type { RunSample } from "../metrics/metrics.ts";
import { divergenceSamples, ending, headSamples } from "../metrics/run-metrics.ts";
import type { PublishResult } from "./result.ts";

export function publicationSamples(result: PublishResult, nowMs: number): RunSample[] {
  const counts = new Map<string, number>();
  for (const { check } of result.divergences) counts.set(check, (counts.get(check) ?? 0) + 1);
  const { published } = result;
  return [
    ...ending(result.status, nowMs, result.durationMs),
    ...headSamples(published === null ? undefined : parseSeconds(published.publishedAt), nowMs),
    ...(published === null ? [] : [["audit_chain_head_seq", Number(published.seq)] as const]),
    ["audit_chain_rows_verified", result.rows],
    ...divergenceSamples(Object.keys(CHECKS) as CheckName[], counts),
    ["audit_chain_pending_rows", result.pending],
    ["audit_chain_pending_age_seconds", (result.pendingAgeMs ?? 0) / 1_000],
    ...result.sinks.map(
      ({ name, status }) => ["audit_chain_sink_behind", status === "ok" ? 0 : 1, { sink: name }] as const,
    ),
  ];
}
