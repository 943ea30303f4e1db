import type { VerificationReport } from "@scidex/audit-verifier";
import type { AlertSummary } from "@scidex/audit-verifier/alerts";

/** A verification's report, with what became of its alerts. */
export interface AlertedReport extends VerificationReport {
  readonly alerts: AlertSummary;
}

export interface AlertedVerification {
  readonly report: AlertedReport;
  /** What could not be done beside the verification (an alert, a heartbeat, a file): all are among the warnings too. */
  readonly failures: readonly string[];
}
