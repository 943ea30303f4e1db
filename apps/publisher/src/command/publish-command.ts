import {
  type CommandContext,
  connect,
  databaseUrl,
  escapeText,
  EXIT,
  origin,
  type Outcome,
  parseDuration,
  policyFile,
  progress,
  sinkUrls,
  writeOut,
} from "@scidex/audit-command";
import { jsonForm, jsonText } from "@scidex/audit-core";
import { WEBHOOK_ENVIRONMENT, webhookOf } from "@scidex/audit-verifier/alerts";
import { readKeys, readPolicy } from "@scidex/audit-verifier/command";
import { Command } from "commander";
import { MAX_LOCK_IDLE } from "./lock-option.ts";
import { requiredKeyFile } from "./required-key-file.ts";
import { metricsFileOf, noteFailure } from "../metrics/metrics-file.ts";
import { publishAndTell, type ToldPublication } from "../publish/publish-and-tell.ts";
import type { PublishResult } from "../publish/result.ts";
import { addTellOptions, heartbeatOf, type TellFlags } from "./tell-settings.ts";
import { witnessSettings } from "./witness-settings.ts";

interface Flags extends TellFlags {
  readonly heartbeat?: string;
  readonly maxPendingAge: string;
  readonly maxLockIdle: string;
  readonly wait: string;
  readonly policy?: string;
  readonly recoverState?: true;
  readonly json?: true;
}

/** `publish`: exit 0 when every sink has the head, 1 for a finding, 3 when a sink lags. */
export function publishCommand(context: CommandContext): Command {
  const command = new Command("publish")
    .description("verify what the chain has gained, sign its head and append it to every sink")
    .option("--max-pending-age <age>", "how long a row may wait to be sealed", "1h")
    .option(...MAX_LOCK_IDLE)
    .option("--wait <time>", "how long to wait for another publisher of this log", "60s")
    .option("--policy <file>", "the auditor's policy: rows that it accepts are recorded anew too; default AUDIT_POLICY")
    .option(
      "--recover-state",
      "rebuild a lost state file from the sinks; only after audit-verify has found chain and sinks clean",
    );
  addTellOptions(command, "findings that keep it from signing");
  return command
    .option("--heartbeat <url>", "call this after every run that brought the head to every sink")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Environment: AUDIT_DATABASE_URL, AUDIT_SIGNING_KEY_FILE, AUDIT_SINKS (witness:https://… is asked to cosign; its key stands
in AUDIT_TRUST_POLICY), AUDIT_ORIGIN and AUDIT_POLICY (optional), ${WEBHOOK_ENVIRONMENT}.

Example (cron, every hour):
  AUDIT_SIGNING_KEY_FILE=/etc/audit/key \\
  AUDIT_SINKS=file:/data/audit/chain_head.log,git:/data/papers?path=head.log\\&push=origin \\
  audit-publisher publish --json`,
    )
    .action(context.run(async (flags: Flags) => run(context, flags)));
}

async function run(context: CommandContext, flags: Flags): Promise<Outcome> {
  const keyFile = requiredKeyFile();
  const maxPendingAgeMs = parseDuration(flags.maxPendingAge);
  const lockIdleMs = parseDuration(flags.maxLockIdle);
  const waitMs = parseDuration(flags.wait);
  const sinks = sinkUrls();
  const asked = await witnessSettings();
  const name = origin();
  const pinned = flags.policy ?? policyFile();
  const vkeys = flags.recoverState === true ? await readKeys() : [];
  const policy = pinned === undefined ? null : await readPolicy(pinned, name);
  const webhook = webhookOf(flags, context.signal);
  const heartbeat = heartbeatOf("--heartbeat", flags.heartbeat, context.signal);
  const metrics = metricsFileOf(flags.metrics);
  const database = await connect(databaseUrl(), { applicationName: "audit-publisher", isFinding: true }).catch(
    async (error: unknown) => noteFailure(metrics, "publish", error),
  );
  const line = progress({ label: "verify the increment" });
  try {
    const done = await publishAndTell(
      {
        database,
        keyFile,
        sinks,
        ...asked,
        origin: name,
        maxPendingAgeMs,
        lockIdleMs,
        waitMs,
        policy,
        recoverState: flags.recoverState === true,
        vkeys,
        signal: context.signal,
        onProgress: (rows) => line.update(rows),
      },
      { webhook, heartbeat, metrics },
    );
    line.done();
    await writeOut(flags.json ? `${jsonText(jsonForm(done.result))}\n` : describePublication(done.result));
    return { exit: exitOf(done) };
  } finally {
    line.done();
    await database.end({ timeout: 1 });
  }
}

/** How a publication ends, and whatever it is a part of. */
export function exitOf({
  result,
  failures = [],
}: Pick<ToldPublication, "result"> & Partial<ToldPublication>): Outcome["exit"] {
  if (result.status === "tampered") return EXIT.tampered;
  return result.status === "intact" && failures.length === 0 ? EXIT.ok : EXIT.failed;
}

/** A publication for a person at a terminal. */
export function describePublication(result: PublishResult): string {
  const { published, divergences, sinks, warnings } = result;
  const lines: string[] = [];
  if (divergences.length > 0) lines.push(`TAMPERED: ${published ? "found after signing" : "nothing was signed"}`);
  for (const { check, seq, fromSeq, toSeq, message } of divergences) {
    const where = seq === undefined ? (fromSeq === undefined ? "" : ` ${fromSeq}..${toSeq}`) : ` ${seq}`;
    lines.push(`  ${check}${where}: ${escapeText(message)}`);
  }
  if (published)
    lines.push(
      `published ${published.seq} (${published.chainHash}) at ${published.publishedAt}; ${result.rows} new links`,
    );
  else if (divergences.length === 0) lines.push("the chain is empty: nothing to publish yet");
  for (const { name, status, lines: held, message } of sinks)
    lines.push(`  ${status} ${escapeText(name)}: ${held} lines${message === null ? "" : `; ${escapeText(message)}`}`);
  for (const { name, status, size } of result.witnesses)
    lines.push(`  ${status} ${escapeText(name)}${size === null ? "" : `: ${size} links`}`);
  for (const warning of warnings) lines.push(`warning: ${escapeText(warning)}`);
  return `${lines.join("\n")}\n`;
}
