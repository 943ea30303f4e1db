import {
  AT_ONCE,
  type CommandContext,
  currentMember,
  databaseUrl,
  EXIT,
  origin,
  type Outcome,
  parseDuration,
  PATIENCE_MS,
  required,
  signingKeyFile,
  sinkUrls,
  Turns,
} from "@scidex/audit-command";
import { vkeysOf } from "@scidex/audit-core";
import { REMIND_EVERY, WEBHOOK_ENVIRONMENT, webhookOf } from "@scidex/audit-verifier/alerts";
import { parseKeys } from "@scidex/audit-verifier/command";
import { Command, Option } from "commander";
import { type DaemonOptions, runDaemon, type Watcher } from "../daemon/daemon.ts";
import { parseTimeOfDay } from "../daemon/daily.ts";
import { PublisherError } from "../errors.ts";
import { JobLog, LOG_LEVELS, type LogLevel } from "../daemon/job-log.ts";
import { Exposed } from "../endpoint/exposed.ts";
import type { Standing } from "../endpoint/standing.ts";
import type { LiveMetrics } from "../metrics/live-metrics.ts";
import { noteFailure } from "../metrics/metrics-file.ts";
import { ending } from "../metrics/run-metrics.ts";
import { readKeyFile } from "../state/key-file.ts";
import { addEndpointOptions, type EndpointFlags, parseListen, parseNames } from "./endpoint-option.ts";
import { MAX_LOCK_IDLE } from "./lock-option.ts";
import { openPublisherSinks, requireDistinct } from "../sinks/open-sinks.ts";
import { VERSION } from "../version.ts";
import { addTellOptions, heartbeatOf, type TellFlags } from "./tell-settings.ts";
import { witnessSettings } from "./witness-settings.ts";
import { witnessesAt } from "../witness/witness.ts";
import { addVerifyOptions, VERIFY_ENVIRONMENT, type VerifyFlags, verifySettings } from "./verify-settings.ts";

interface Flags extends VerifyFlags, TellFlags, EndpointFlags {
  readonly sealEvery: string;
  readonly publishEvery: string;
  readonly verifyEvery: string;
  readonly sinceHead: string;
  readonly fullAt: string;
  readonly maxPendingAge: string;
  readonly maxLockIdle: string;
  readonly remindEvery?: string;
  readonly publishHeartbeat?: string;
  readonly verifyHeartbeat?: string;
  readonly fullHeartbeat?: string;
  readonly logLevel: LogLevel;
  readonly json?: true;
}

const HELP = `
Environment: ${VERIFY_ENVIRONMENT}, ${WEBHOOK_ENVIRONMENT}.
The role in AUDIT_DATABASE_URL needs scidex_audit_publisher and scidex_audit_inspector.

A job that fails is logged and tried again; the daemon goes on. It ends with SIGTERM or SIGINT, with exit code 0.
/metrics is for Prometheus, /healthz says that the process answers, /readyz that its jobs do their work (503 if not).

Example:
  AUDIT_SIGNING_KEY_FILE=/etc/audit/key AUDIT_SINKS=file:/data/audit/chain_head.log \\
  audit-publisher run --json --metrics /var/lib/node_exporter/audit_chain.prom`;

/** `run`: seals, publishes and verifies on their schedules, for places without cron. */
export function runDaemonCommand(context: CommandContext): Command {
  const shared = new Shared();
  const command = new Command("run")
    .description("go on sealing, publishing and verifying on schedule, until it is stopped")
    .option("--seal-every <time>", "the pause between two looks for rows to seal", "1s")
    .option("--publish-every <time>", "how often a head is published", "1h")
    .option("--verify-every <time>", "how often the newest part is verified", "1h")
    .option("--since-head <age>", "that part: from the newest published head on that is older than this", "24h")
    .option("--full-at <hh:mm>", "when everything is verified each day, in UTC; a missed one is made up for", "03:00")
    .option("--max-pending-age <age>", "how long a row may wait to be sealed", "1h")
    .option(...MAX_LOCK_IDLE);
  addVerifyOptions(command);
  addEndpointOptions(command);
  addTellOptions(command, "new findings, and findings that keep it from signing").option(...REMIND_EVERY);
  return command
    .option("--publish-heartbeat <url>", "call this after every publication that reached every sink")
    .option("--verify-heartbeat <url>", "call this after every verification of the newest part that found it intact")
    .option("--full-heartbeat <url>", "call this after every full verification that found everything intact")
    .addOption(new Option("--log-level <level>", "log what is at least that").choices(LOG_LEVELS).default("info"))
    .option("--json", "log one line of JSON per job")
    .addHelpText("after", HELP)
    .action(context.run(async (flags: Flags) => run(context, flags, shared)));
}

/** What the databases of one process have in common. */
class Shared {
  readonly exposed = new Exposed();
  readonly publishing = new Turns({ atOnce: AT_ONCE, patienceMs: PATIENCE_MS });
  readonly verifying = new Turns({ atOnce: AT_ONCE, patienceMs: PATIENCE_MS });
}

/** What is wrong with one of several databases is shown, and the others go on. */
async function run(context: CommandContext, flags: Flags, { exposed, ...turns }: Shared): Promise<Outcome> {
  const database = currentMember()?.name;
  const standing = exposed.standingOf(database);
  const address = parseListen(flags.listen);
  try {
    const names = parseNames(flags.listenName);
    const metrics = await exposed.open({ version: VERSION, address, names, metricsFile: flags.metrics });
    const options = await daemonOptions(context, flags, { metrics, standing, ...turns }).catch(async (error: unknown) =>
      noteFailure(database === undefined ? undefined : metrics, "publish", error),
    );
    const url = await exposed.toTell();
    if (url !== undefined) await options.log.listening(url);
    await runDaemon(options);
  } finally {
    await exposed.close();
  }
  return { exit: EXIT.ok };
}

/** What is wrong from the start is said at the start, and not every hour in a log. */
async function daemonOptions(
  { signal }: CommandContext,
  flags: Flags,
  { metrics, standing, publishing, verifying }: Omit<Shared, "exposed"> & { metrics: LiveMetrics; standing: Standing },
): Promise<DaemonOptions> {
  const keyFile = required("AUDIT_SIGNING_KEY_FILE", signingKeyFile(), "the file that audit-chain keygen made");
  databaseUrl();
  const keys = await readKeyFile(keyFile);
  const asked = await witnessSettings();
  witnessesAt(asked.witnesses ?? [], asked.trustPolicy, parseKeys(vkeysOf(keys)));
  const sinks = sinkUrls();
  if (sinks.length === 0)
    throw new PublisherError(
      "configuration",
      "there are no sinks: set AUDIT_SINKS, for example file:/data/audit/chain_head.log",
    );
  const opened = openPublisherSinks(sinks);
  try {
    await requireDistinct(opened);
  } finally {
    await Promise.all(opened.map(async (sink) => sink.close()));
  }
  const webhook = webhookOf(flags, signal);
  const settings = await verifySettings(flags);
  const log = new JobLog({ json: flags.json === true, level: flags.logLevel });
  return {
    sealEveryMs: parseDuration(flags.sealEvery),
    publishEveryMs: parseDuration(flags.publishEvery),
    verifyEveryMs: parseDuration(flags.verifyEvery),
    sinceHeadMs: parseDuration(flags.sinceHead),
    fullAtMs: parseTimeOfDay("--full-at", flags.fullAt),
    lockIdleMs: parseDuration(flags.maxLockIdle),
    publish: {
      keyFile,
      sinks,
      ...asked,
      origin: origin(),
      maxPendingAgeMs: parseDuration(flags.maxPendingAge),
      policy: settings.policy,
    },
    tellPublish: {
      webhook,
      heartbeat: heartbeatOf("--publish-heartbeat", flags.publishHeartbeat, signal),
      metrics,
    },
    verify: {
      ...settings,
      webhook,
      remindMs: flags.remindEvery === undefined ? undefined : parseDuration(flags.remindEvery),
      metrics,
    },
    windowHeartbeat: heartbeatOf("--verify-heartbeat", flags.verifyHeartbeat, signal),
    fullHeartbeat: heartbeatOf("--full-heartbeat", flags.fullHeartbeat, signal),
    log,
    watcher: watcherOf(metrics, standing),
    turns: { publish: publishing, verify: verifying },
    signal,
  };
}

const watcherOf = (metrics: LiveMetrics, standing: Standing): Watcher => ({
  ended: (job, status) => standing.note(job, status),
  sealed: async (rows, durationMs) => {
    const status = rows === "failed" ? "failed" : "intact";
    standing.note("seal", status);
    if (rows !== "failed") metrics.countSealed(rows);
    await metrics.update("seal", ending(status, Date.now(), durationMs));
  },
});
