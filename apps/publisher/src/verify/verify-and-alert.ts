import { clientName, connect } from "@scidex/audit-command";
import { type AlertTarget, alertWithoutReport, deliverAlerts } from "@scidex/audit-verifier/alerts";
import { writeAlerts } from "../alerts/alert-table.ts";
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
  const target = { ...targetOf(options), database: clientName(options.database) };
  try {
    const memory = await readMemory(options);
    const { report, overview, state } = await verifyAsked(options, memory.state);
    const unsaved = await saveMemory(options, { before: memory.state, after: state });
    const now = new Date();
    const { divergences } = report;
    const { summary, warnings } = await deliverAlerts(target, { divergences, report, isFull: run === "full", now });
    // An alert that is still to be given is a failure. A lock that could not be taken is a warning only.
    const failures = [...memory.failures, ...unsaved, ...(summary.pending > 0 ? warnings : [])];
    const alerted: AlertedReport = { ...report, alerts: summary, warnings: [...report.warnings, ...warnings] };
    const untold = await tellVerification(options, { report: alerted, overview, hasFailed: failures.length > 0, now });
    return withFailures(alerted, [...failures, ...untold]);
  } catch (error) {
    if (options.signal?.aborted !== true) await sayOverdue(options, target);
    return noteFailure(options.metrics, run, error);
  }
}

/** After a run that came to no report: the error is what is reported, and that a verdict is overdue is alerted beside it. */
export async function sayOverdue(
  options: Pick<VerifyAndAlertOptions, "stateFile" | "publisherState" | "alertMemory" | "origin" | "policy">,
  { memory, webhook, remindMs, origin, database }: AlertTarget,
): Promise<void> {
  const awaitedSince = await readMemory(options).then(
    ({ state }) => state.awaitedSince ?? null,
    () => null,
  );
  await alertWithoutReport(
    { memory, webhook, remindMs, origin, database },
    { policy: options.policy ?? null, awaitedSince },
  );
}

/** Without the database's name, which a client knows, or else the URL. */
export const remoteTargetOf = (
  options: Pick<VerifyAndAlertOptions, "alertMemory" | "keys" | "origin" | "policy" | "remindMs" | "webhook">,
): Omit<AlertTarget, "database"> => ({
  memory: options.alertMemory,
  webhook: options.webhook,
  remindMs: options.remindMs,
  // The first word of a verifier key is the log that it is of.
  origin: options.origin ?? options.policy?.origin ?? options.keys?.[0]?.split("+")[0] ?? null,
});

const targetOf = (options: VerifyAndAlertOptions): Omit<AlertTarget, "database"> => ({
  ...remoteTargetOf(options),
  lockWaitMs: options.alertLockWaitMs,
  openTable: async () => {
    const sql = await connect(options.alertDatabaseUrl, {
      applicationName: "audit-publisher alert",
      max: 1,
      isFinding: true,
    });
    return {
      write: async (alerts) => writeAlerts(sql, alerts, options.alertTimeoutMs),
      // What a hostile trigger keeps busy is cut off.
      close: async () => sql.end({ timeout: 0 }),
    };
  },
});

/** The report with all that could not be done among its warnings. */
function withFailures(report: AlertedReport, failures: readonly string[]): AlertedVerification {
  const { warnings } = report;
  const unsaid = failures.filter((failure) => !warnings.includes(failure));
  return { report: { ...report, warnings: [...warnings, ...unsaid] }, failures };
}
