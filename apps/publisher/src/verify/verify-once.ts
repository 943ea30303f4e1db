import { databaseName, databaseUrl, keepHeapSmall, progress } from "@scidex/audit-command";
import { defaultJobs } from "@scidex/audit-verifier";
import { noteFailure } from "../metrics/metrics-file.ts";
import { connectUntil } from "../connect-until.ts";
import type { AlertedVerification } from "./alerted-report.ts";
import { remoteTargetOf, sayOverdue, verifyAndAlert } from "./verify-and-alert.ts";
import { runOf, type VerifyAndAlertOptions } from "./verify-and-alert-options.ts";

/** Connects, verifies, alerts, and disconnects. When the signal comes, whatever is under way fails. */
export async function verifyOnce(
  options: Omit<VerifyAndAlertOptions, "database" | "signal" | "onProgress">,
  signal: AbortSignal,
): Promise<AlertedVerification> {
  const database = await connectUntil(signal, {
    applicationName: "audit-publisher verify",
    max: Math.max(2, defaultJobs()),
    settings: { default_transaction_read_only: "on" },
  }).catch(async (error: unknown) => {
    if (!signal.aborted)
      await sayOverdue(options, { ...remoteTargetOf(options), database: databaseName(databaseUrl()) });
    return noteFailure(options.metrics, runOf(options), error);
  });
  const stop = (): void => void database.end({ timeout: 0 });
  signal.addEventListener("abort", stop, { once: true });
  const line = progress({ label: "verify" });
  keepHeapSmall();
  try {
    return await verifyAndAlert({ ...options, database, signal, onProgress: (rows) => line.update(rows) });
  } finally {
    signal.removeEventListener("abort", stop);
    line.done();
    await database.end({ timeout: 1 });
  }
}
