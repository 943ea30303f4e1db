import { connect } from "@scidex/audit-command";
import { type AlertTarget, deliverAlerts } from "../alerts/deliver-alerts.ts";
import { noteFailure } from "../metrics/metrics-file.ts";
import type { AlertedReport, AlertedVerification } from "./alerted-report.ts";
import { readMemory, saveMemory } from "./memory.ts";
import { tellVerification } from "./tell-verification.ts";
import { runOf, type VerifyAndAlertOptions } from "./verify-and-alert-options.ts";
import { verifyAsked } from "./verify-asked.ts";

/**
 * Verifies, and says once of each finding that it is there: a row in `senate_alerts`, a request to the webhook. What has
 * been said is remembered in a file, never asked of the database. Then the metrics, and the heartbeat if all is well.
 *
 * A table, webhook, heartbeat or file that fails does not hold up the others, and changes nothing about the report.
 *
 * @throws {PublisherError} `configuration`
 * @throws {VerifierError} as `verify`; errors of the driver
 */
export async function verifyAndAlert(options: VerifyAndAlertOptions): Promise<AlertedVerification> {
  const run = runOf(options);
  try {
    const memory = await readMemory(options);
    const { report, overview, state } = await verifyAsked(options, memory.state);
    const unsaved = await saveMemory(options, state);
    const now = new Date();
    const { summary, warnings } = await deliverAlerts(targetOf(options), report, { isFull: run === "full", now });
    // An alert that is still to be given is a failure. A lock that could not be taken is a warning only.
    const failures = [...memory.failures, ...unsaved, ...(summary.pending > 0 ? warnings : [])];
    const alerted: AlertedReport = { ...report, alerts: summary, warnings: [...report.warnings, ...warnings] };
    const untold = await tellVerification(options, { report: alerted, overview, hasFailed: failures.length > 0, now });
    return withFailures(alerted, [...failures, ...untold]);
  } catch (error) {
    return noteFailure(options.metrics, run, error);
  }
}

const targetOf = (options: VerifyAndAlertOptions): AlertTarget => ({
  memory: options.alertMemory,
  database: options.database,
  openTable: async () =>
    connect(options.alertDatabaseUrl, { applicationName: "audit-publisher alert", max: 1, isFinding: true }),
  webhook: options.webhook,
  lockWaitMs: options.alertLockWaitMs,
  tableTimeoutMs: options.alertTimeoutMs,
});

/** The report with all that could not be done among its warnings. */
function withFailures(report: AlertedReport, failures: readonly string[]): AlertedVerification {
  const { warnings } = report;
  const unsaid = failures.filter((failure) => !warnings.includes(failure));
  return { report: { ...report, warnings: [...warnings, ...unsaid] }, failures };
}
