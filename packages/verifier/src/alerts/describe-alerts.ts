import type { AlertSummary } from "./alert-target.ts";

/** What became of a verification's alerts, as pages and terminals say it; nothing where there were none. */
export function describeAlerts(summary: AlertSummary): string[] {
  const { new: fresh, written, posted, reminded, resolved, pending, unacknowledged } = summary;
  const said =
    fresh + written + posted + pending === 0
      ? []
      : [
          `Of these findings, ${fresh} had not been alerted before. ${written} alerts were written to senate_alerts, ${posted} posted to the webhook; ${pending} could not be given yet.`,
        ];
  return [
    ...said,
    ...(reminded === 0 ? [] : [`The webhook was reminded of ${reminded} findings.`]),
    ...(resolved === 0 ? [] : [`${resolved} findings of earlier runs are over.`]),
    ...(unacknowledged === 0
      ? []
      : [`Nobody has acknowledged ${unacknowledged} findings of this run or earlier ones: see the command alerts.`]),
  ];
}
