import { inStateFolder, parseDuration } from "@scidex/audit-command";
import type { Command } from "commander";
import type { AlertSummary, AlertTarget } from "../alerts/alert-target.ts";
import { deliverAlerts } from "../alerts/deliver-alerts.ts";
import { alertWithoutReport } from "../alerts/overdue.ts";
import { ALERT_FORMAT, REMIND_EVERY, webhookOf } from "../alerts/webhook/webhook-option.ts";
import type { Policy } from "../coverage/policy.ts";
import type { VerificationReport } from "../report/verification-report.ts";
import { usage } from "./errors.ts";

/** The options that say where findings are alerted. */
export interface AlertFlags {
  readonly alertWebhook?: string;
  readonly alertFormat?: string;
  readonly alertState?: string;
  readonly remindEvery?: string;
}

export function addAlertOptions(command: Command): Command {
  return command
    .option("--alert-webhook <url>", "post new findings there, remind of those that stand, and say what is over")
    .option(...ALERT_FORMAT)
    .option(
      "--alert-state <file>",
      "remembers what has been alerted; made if it is not there; default: in AUDIT_STATE_DIR",
    )
    .option(...REMIND_EVERY);
}

/** Where it is remembered what has been alerted, unless `--alert-state` says so. */
export const alertMemory = (): string | undefined => inStateFolder("audit-verify.alerts");

/**
 * Where to alert; undefined where nothing was asked for. There is no table: this program writes nothing to the database.
 *
 * @throws {CommandError} `usage`, `configuration`
 */
export function alertTargetOf(
  flags: AlertFlags,
  about: { readonly origin: string | null; readonly database: string },
  signal: AbortSignal,
): AlertTarget | undefined {
  const webhook = webhookOf(flags, signal);
  const memory = flags.alertState ?? (webhook === undefined ? undefined : alertMemory());
  if (memory === undefined) {
    if (webhook === undefined) return undefined;
    throw usage("--alert-webhook needs --alert-state FILE, or AUDIT_STATE_DIR, to remember what has been alerted");
  }
  const { origin, database } = about;
  const remindMs = flags.remindEvery === undefined ? undefined : parseDuration(flags.remindEvery);
  return { memory, webhook, remindMs, origin, database };
}

/** What became of the alerts, and what could not be done: undefined and nothing where none were asked for. */
export async function alertReport(
  target: AlertTarget | undefined,
  report: VerificationReport,
  isFull: boolean,
): Promise<{ readonly alerts: AlertSummary | undefined; readonly warnings: readonly string[] }> {
  if (target === undefined) return { alerts: undefined, warnings: [] };
  const { divergences } = report;
  const { summary, warnings } = await deliverAlerts(target, { divergences, report, isFull, now: new Date() });
  return { alerts: summary, warnings };
}

/** After a run that came to no report. */
export async function alertFailure(
  target: AlertTarget | undefined,
  policy: Policy | null,
  awaitedSince: number | null,
): Promise<void> {
  if (target !== undefined) await alertWithoutReport(target, { policy, awaitedSince });
}
