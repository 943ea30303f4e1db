import type { AlertSummary } from "../alerts/deliver-alerts.ts";

/** What became of a verification's alerts, as pages and terminals say it; nothing where there were none. */
export function describeAlerts({ new: fresh, written, posted, pending }: AlertSummary): string[] {
  if (fresh + written + posted + pending === 0) return [];
  return [
    `Of these findings, ${fresh} had not been alerted before. ${written} alerts were written to senate_alerts, ${posted} posted to the webhook; ${pending} could not be given yet.`,
  ];
}
