import { CHECKS } from "@scidex/audit-reader";
import { overdueVerdict } from "../causes.ts";
import type { Policy } from "../coverage/policy.ts";
import { AlertFile } from "./memory/alert-file.ts";
import type { AlertTarget } from "./alert-target.ts";
import { type AlertOutcome, deliverAlerts } from "./deliver-alerts.ts";

/**
 * After a run that came to no report, because the database could not be reached, say. Where no verdict has come within the
 * policy's bound, that is a finding like any other: whoever tampers may be behind it. What still has to be said of earlier
 * findings is said, too.
 *
 * @param awaitedSince since when the verifier's own state awaits a verdict, in milliseconds since the Unix epoch; null for
 *   never. The alert memory's is taken where it is later.
 */
export async function alertWithoutReport(
  target: AlertTarget,
  { policy, awaitedSince }: { readonly policy: Policy | null; readonly awaitedSince: number | null },
): Promise<AlertOutcome> {
  const now = new Date();
  const { lastFull, firstRun } = await new AlertFile(target.memory, []).load();
  const known = lastFull ?? firstRun;
  const times = [awaitedSince, known === null ? null : Date.parse(known)].filter((time) => time !== null);
  const finding = times.length === 0 ? undefined : overdueVerdict(policy, Math.max(...times), now.getTime());
  const divergences = finding === undefined ? [] : [{ ...finding, group: CHECKS[finding.check] }];
  return await deliverAlerts(target, { divergences, report: null, isFull: false, now });
}
