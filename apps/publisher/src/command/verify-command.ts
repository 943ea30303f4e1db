import {
  checkReplaceable,
  type CommandContext,
  databaseUrl,
  EXIT,
  type Outcome,
  parseDuration,
  writeOut,
} from "@scidex/audit-command";
import { formatReport } from "@scidex/audit-verifier";
import { describeReport } from "@scidex/audit-verifier/command";
import { Command } from "commander";
import { describeAlerts, REMIND_EVERY, WEBHOOK_ENVIRONMENT, webhookOf } from "@scidex/audit-verifier/alerts";
import { metricsFileOf } from "../metrics/metrics-file.ts";
import { PageWriter } from "../verify/page-writer.ts";
import { addTellOptions, heartbeatOf, type TellFlags } from "./tell-settings.ts";
import type { AlertedVerification } from "../verify/alerted-report.ts";
import { verifyOnce } from "../verify/verify-once.ts";
import {
  addVerifyOptions,
  VERIFY_ENVIRONMENT,
  type VerifyFlags,
  type VerifySettings,
  verifySettings,
} from "./verify-settings.ts";

interface Flags extends VerifyFlags, TellFlags {
  readonly sinceHead?: string;
  readonly remindEvery?: string;
  readonly heartbeat?: string;
  readonly report?: string;
  readonly json?: true;
}

const HELP = `
Environment: ${VERIFY_ENVIRONMENT}, ${WEBHOOK_ENVIRONMENT}.

Exit code: 0 intact, 1 tampering found, 2 wrong usage or configuration, 3 could not check everything, or could not tell.

Examples (cron, nightly and hourly):
  audit-publisher verify --policy /etc/audit/policy.json --metrics /var/lib/node_exporter/audit_chain.prom
  audit-publisher verify --since-head 24h --alert-webhook https://example.org/hooks/audit`;

/** `verify`: exit 0 when everything was checked and holds, 1 for a finding, 3 for anything that could not be done. */
export function verifyCommand(context: CommandContext): Command {
  const command = new Command("verify")
    .description("verify chain, heads and audited rows, and alert what is found, once each")
    .option("--since-head <age>", "only from the newest published head on that is older than this, for example 24h");
  addVerifyOptions(command);
  addTellOptions(command, "new findings").option(...REMIND_EVERY);
  return command
    .option("--heartbeat <url>", "call this after every run that found everything intact")
    .option("--report <file>", "also write the report as a page for people: one HTML file that loads nothing")
    .option("--json", "print the report as JSON")
    .addHelpText("after", HELP)
    .action(context.run(async (flags: Flags) => run(context, flags)));
}

async function run(context: CommandContext, flags: Flags): Promise<Outcome> {
  const { signal } = context;
  const settings = await verifySettings(flags);
  if (flags.report !== undefined) await checkReplaceable("--report", flags.report);
  const pages = pagesOf(flags, settings);
  const done = await verifyOnce(
    {
      ...settings,
      sinceHeadMs: flags.sinceHead === undefined ? undefined : parseDuration(flags.sinceHead),
      webhook: webhookOf(flags, signal),
      remindMs: flags.remindEvery === undefined ? undefined : parseDuration(flags.remindEvery),
      heartbeat: heartbeatOf("--heartbeat", flags.heartbeat, signal),
      metrics: metricsFileOf(flags.metrics),
      proveFindings: pages !== undefined,
      onReport: pages?.write,
    },
    signal,
  ).catch(async (error: unknown) => {
    // What the page cannot say, the error says anyway.
    if (!signal.aborted) await pages?.writeFailure(error).catch(() => undefined);
    throw error;
  });
  await writeOut(
    flags.json ? `${formatReport(done.report)}\n` : describeReport(done.report, describeAlerts(done.report.alerts)),
  );
  return { exit: exitOf(done) };
}

function pagesOf({ report: file, sinceHead }: Flags, { origin, policy }: VerifySettings): PageWriter | undefined {
  if (file === undefined) return undefined;
  const isWhole = sinceHead === undefined;
  return new PageWriter({ file, databaseUrl: databaseUrl(), origin: origin ?? policy?.origin ?? null, isWhole });
}

export function exitOf({ report, failures }: AlertedVerification): Outcome["exit"] {
  if (report.status === "tampered") return EXIT.tampered;
  return report.status === "intact" && failures.length === 0 ? EXIT.ok : EXIT.failed;
}
