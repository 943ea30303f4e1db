import type { Overview } from "@scidex/audit-verifier";
import { failuresOf } from "@scidex/audit-verifier/alerts";
import { beat } from "../alerts/heartbeat.ts";
import type { AlertedReport } from "./alerted-report.ts";
import { verificationSamples } from "./verification-samples.ts";
import { runOf, type VerifyAndAlertOptions } from "./verify-and-alert-options.ts";

/** A verification after its alerts. */
interface Alerted {
  readonly report: AlertedReport;
  readonly overview: Overview;
  /** Whether something could not be done before. */
  readonly hasFailed: boolean;
  readonly now: Date;
}

/** Hands on the report, then calls the heartbeat where all is well, then writes the metrics. Returns what failed. */
export async function tellVerification(
  options: Pick<VerifyAndAlertOptions, "onReport" | "heartbeat" | "metrics" | "sinceHeadMs">,
  { report, overview, hasFailed, now }: Alerted,
): Promise<string[]> {
  const { onReport, heartbeat, metrics } = options;
  const unreported = await failuresOf(onReport?.(report, overview));
  const isWell = report.status === "intact" && !hasFailed && unreported.length === 0;
  const unbeaten = heartbeat !== undefined && isWell ? await failuresOf(beat(heartbeat)) : [];
  const samples = verificationSamples(report, overview, now.getTime());
  const unmeasured = await failuresOf(metrics?.update(runOf(options), samples));
  return [...unreported, ...unbeaten, ...unmeasured];
}
