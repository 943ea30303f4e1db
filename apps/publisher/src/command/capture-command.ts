import {
  clientName,
  CommandError,
  type CommandContext,
  connect,
  databaseUrl,
  escapeText,
  EXIT,
  inStateFolder,
  keepHeapSmall,
  type Outcome,
  redact,
  writeOut,
} from "@scidex/audit-command";
import { connectionLoss } from "@scidex/audit-core";
import { ALERT_FORMAT, type Webhook, WEBHOOK_ENVIRONMENT, webhookOf } from "@scidex/audit-verifier/alerts";
import { Command } from "commander";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { type Alarm, alarmLine, condensed, soundAlarm } from "../alerts/sound-alarm.ts";
import { capture } from "../capture/capture.ts";
import { type Lag, LagMeter } from "../capture/lag.ts";
import { lsnText } from "../capture/pgoutput/lsn.ts";
import { messageOf, PublisherError } from "../errors.ts";
import type { Metrics, RunSample } from "../metrics/metrics.ts";
import { metricsFileOf } from "../metrics/metrics-file.ts";

interface Flags {
  readonly once?: true;
  readonly state?: string;
  readonly adoptPosition?: true;
  readonly alertWebhook?: string;
  readonly alertFormat?: string;
  readonly metrics?: string;
  readonly json?: true;
}

const HELP = `
It is a service of its own, under an account that cannot read the publisher's key. Its login needs REPLICATION, and the roles
scidex_audit_capture and scidex_audit_alert. It makes its slot itself. Let one run for each database.

Environment: AUDIT_DATABASE_URL, AUDIT_STATE_DIR (for --state), ${WEBHOOK_ENVIRONMENT}.

Example:
  AUDIT_DATABASE_URL=postgres://capture@db/scidex audit-publisher capture --state /var/lib/audit/capture.state`;

/** `capture`: links rows of tables in the mode `stream`, from the write-ahead log. */
export function captureCommand(context: CommandContext): Command {
  return new Command("capture")
    .description("link what is written into tables of the mode stream, from the write-ahead log")
    .option("--once", "link what has been written by now, and end")
    .option(
      "--state <file>",
      "where it remembers its position, outside the database (default: capture.state in AUDIT_STATE_DIR)",
    )
    .option(
      "--adopt-position",
      "where the state is lost, go on from the position that the database has; that it cannot be checked is recorded as a gap",
    )
    .option("--alert-webhook <url>", "post what it sees there as JSON, signed with AUDIT_WEBHOOK_SECRET")
    .option(...ALERT_FORMAT)
    .option("--metrics <file>", "write there how far behind it is, for node_exporter's text-file collector")
    .option("--json", "print what was linked and seen as lines of JSON")
    .addHelpText("after", HELP)
    .action(context.run(async (flags: Flags) => run(context, flags)));
}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 10_000;

/** How long alarms are gathered, in milliseconds. */
const GATHER_MS = 500;

async function run(context: CommandContext, flags: Flags): Promise<Outcome> {
  const { signal } = context;
  const stateFile = stateFileOf(flags);
  const webhook = webhookOf(flags, signal);
  databaseUrl();
  keepHeapSmall();
  let pause = FIRST_RETRY_MS;
  let said = "";
  for (;;) {
    try {
      const database = await connect(databaseUrl(), {
        applicationName: "audit-publisher capture",
        max: 3,
        isFinding: true,
      });
      try {
        await follow(database, flags, { stateFile, webhook, signal }, () => {
          pause = FIRST_RETRY_MS;
          said = "";
        });
      } finally {
        await database.end({ timeout: 1 });
      }
      return { exit: EXIT.ok };
    } catch (error) {
      if (signal.aborted) return { exit: EXIT.ok };
      if (flags.once === true || !mayPass(error)) throw error;
      // Whoever attaches the first table waits for us.
      const isIdle = error instanceof PublisherError && error.code === "nothing_to_follow";
      if (isIdle) pause = FIRST_RETRY_MS;
      const then = isIdle ? "waiting for one" : `again in ${Math.round(pause / 1_000)} s`;
      const message = `capture: ${escapeText(redact(messageOf(error)))}; ${then}\n`;
      if (message !== said) process.stderr.write(message);
      said = message;
      await sleep(pause, undefined, { signal }).catch(() => undefined);
      pause = Math.min(pause * 2, LONGEST_RETRY_MS);
    }
  }
}

function stateFileOf({ state = inStateFolder("capture.state") }: Flags): string {
  if (state !== undefined) return state;
  throw new CommandError("configuration", "--state is missing; expected a file, or AUDIT_STATE_DIR to be set");
}

/** Whether trying again may help: the server restarts, a setting is mended, a table is attached. */
const mayPass = (error: unknown): boolean =>
  connectionLoss(error) !== undefined ||
  (error instanceof CommandError && error.code === "unavailable") ||
  (error instanceof PublisherError && ["stream", "nothing_to_follow"].includes(error.code)) ||
  (error instanceof Error && "severity" in error);

interface Settings {
  readonly stateFile: string;
  readonly webhook: Webhook | undefined;
  readonly signal: AbortSignal;
}

async function follow(database: Sql, flags: Flags, { stateFile, webhook, signal }: Settings, onLinked: () => void) {
  let gathered: Alarm[] = [];
  let telling: Promise<void> | undefined;
  const tell = async (): Promise<void> => {
    const alarms = condensed(gathered);
    gathered = [];
    for (const alarm of alarms) await say(flags, { ...alarm }, alarmLine(alarm));
    const failures = await soundAlarm({ table: database, webhook, database: clientName(database) }, alarms);
    for (const failure of failures)
      process.stderr.write(`capture: an alert could not be given: ${escapeText(failure)}\n`);
  };
  const note = async (alarm: Alarm): Promise<void> => {
    gathered.push(alarm);
    telling ??= sleep(GATHER_MS)
      .then(tell)
      .finally(() => {
        telling = undefined;
      });
  };
  const told = tellLag(database, metricsFileOf(flags.metrics));
  try {
    await capture(database, {
      stateFile,
      once: flags.once === true,
      adoptPosition: flags.adoptPosition === true,
      signal,
      onLinked: (events, linkedTo) => {
        onLinked();
        if (events > 0) void say(flags, { linked: events, linked_to: lsnText(linkedTo) }, `linked ${events} events`);
      },
      onNotice: note,
      onWarning: (text) => process.stderr.write(`capture: ${escapeText(text)}\n`),
      onGap: async (message) => note({ check: "capture_gap", message }),
    });
  } finally {
    await told.stop();
    await telling;
    if (gathered.length > 0) await tell();
  }
}

/** How often it is said how far behind it is. */
const LAG_EVERY_MS = 5_000;

/** Says so now and then, until it is stopped. Once the connection is lost nothing is said, which shows in the timestamp. */
function tellLag(database: Sql, metrics: Metrics | undefined): { readonly stop: () => Promise<void> } {
  if (metrics === undefined) return { stop: async () => {} };
  const meter = new LagMeter();
  let last: Promise<void> = Promise.resolve();
  let failure = "";
  const tell = async (): Promise<void> => {
    try {
      const lag = await meter.measure(database, performance.now());
      if (lag !== undefined) await metrics.update("capture", lagSamples(lag, Date.now()));
      failure = "";
    } catch (error) {
      // Once, and not every five seconds.
      if (failure !== messageOf(error)) process.stderr.write(`capture: no metrics: ${escapeText(messageOf(error))}\n`);
      failure = messageOf(error);
    }
  };
  const timer = setInterval(() => {
    last = last.then(tell);
  }, LAG_EVERY_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await last.then(tell);
    },
  };
}

const lagSamples = ({ bytes, seconds }: Lag, nowMs: number): RunSample[] => [
  ["audit_chain_capture_timestamp_seconds", nowMs / 1_000],
  ["audit_chain_capture_behind_bytes", bytes],
  ["audit_chain_capture_behind_seconds", seconds],
];

async function say(flags: Flags, record: Record<string, unknown>, line: string): Promise<void> {
  const json = JSON.stringify(record, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
  await writeOut(flags.json === true ? `${json}\n` : `${escapeText(line.replaceAll(/\s+/gu, " "))}\n`);
}
