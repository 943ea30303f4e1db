import {
  checkReplaceable,
  type CommandContext,
  connect,
  currentMember,
  databaseName,
  databaseUrl,
  EXIT,
  inStateFolder,
  keepHeapSmall,
  maxHeadAge,
  ONLY,
  type Outcome,
  origin,
  parseDuration,
  policyFile,
  progress,
} from "@scidex/audit-command";
import type { Sink } from "@scidex/audit-sinks";
import { Command } from "commander";
import { alertsCommand } from "./alerts/alerts-command.ts";
import { WEBHOOK_ENVIRONMENT } from "./alerts/webhook/webhook-option.ts";
import { runBundle } from "./bundle/bundle-command.ts";
import { addAlertOptions, alertFailure, type AlertFlags, alertMemory, alertTargetOf } from "./command/alerting.ts";
import { parseCheckGroups, parseJobs, parseSeq, parseShard } from "./command/argv.ts";
import { usage } from "./command/errors.ts";
import { readPolicy, readState } from "./command/files.ts";
import { useFleet } from "./command/fleet.ts";
import { FleetOverview } from "./command/fleet-overview.ts";
import { checkOrigin, sinksToRead } from "./command/heads-to-read.ts";
import { parseKeys, readKeys } from "./command/keys.ts";
import { readTrustPolicy } from "./command/trust-policy.ts";
import { deliver, type VerifyRequest, writeFailure } from "./deliver.ts";
import { mergeCommand, type ShardAgain } from "./shards/merge-command.ts";
import { readSeal, sealedReport } from "./shards/seal-run.ts";
import { CHECK_GROUPS } from "@scidex/audit-reader";
import { historyCommand } from "./nights/history-command.ts";
import { readNightTarget } from "./nights/sign-run.ts";
import { type Verification, verify } from "./verify.ts";
import { defaultJobs } from "./verify-options.ts";
import { VERSION } from "./version.ts";

interface Flags extends AlertFlags {
  readonly from?: string;
  readonly to?: string;
  readonly checks?: string;
  readonly shard?: string;
  readonly cut?: string;
  readonly run?: string;
  readonly jobs?: string;
  readonly plain?: true;
  readonly inOrder?: true;
  readonly policy?: string;
  readonly state?: string;
  readonly maxHeadAge?: string;
  readonly maxDuration?: string;
  readonly allowUnanchored?: true;
  readonly bundle?: string;
  readonly report?: string;
  readonly sign?: string;
  readonly nights?: string;
  readonly json?: true;
}

const HELP = `
Environment: AUDIT_DATABASE_URL (a role with scidex_audit_inspector; scidex_audit_ro is enough for --checks links,heads),
AUDIT_SINKS, AUDIT_VERIFIER_KEYS, AUDIT_ORIGIN, AUDIT_POLICY, AUDIT_TRUST_POLICY (whose cosignatures the newest head must
have), AUDIT_MAX_HEAD_AGE; ${WEBHOOK_ENVIRONMENT}.

Exit code: 0 intact, 1 tampering found, 2 wrong usage or configuration, 3 could not check everything.

Examples:
  $ audit-verify
  $ audit-verify --json --policy policy.json --state /var/lib/audit/verifier.state
  $ audit-verify --shard 3/8 --cut 80000000

Shards end at published heads: give all of them the same --cut, if heads may be published meanwhile. Each table is compared
with its events by one of them, and what applications get by the first. audit-verify merge makes one report of theirs.`;

/** The `audit-verify` command. */
export function verifyCommand(context: CommandContext): Command {
  const overview = new FleetOverview();
  const command = new Command("audit-verify")
    // What follows a subcommand is its own.
    .enablePositionalOptions()
    .version(VERSION)
    .description("Verifies the audit chain, its published heads and the audited rows. Reads only.")
    .option("--from <seq>", "first link to verify; widened to the published head before it")
    .option("--to <seq>", "last link to verify; widened to the published head after it")
    .option("--checks <groups>", `comma-separated groups of checks: ${CHECK_GROUPS.join(", ")}`)
    .option(
      "--shard <k/n>",
      "one of n parts, which together find what a whole run finds; with the same sinks and --cut",
    )
    .option("--cut <seq>", "published head up to which shards are cut alike; the last shard goes on from there")
    .option("--run <id>", "what the run of all shards is called: their reports can be merged (AUDIT_SHARD_SECRET)")
    .option("--jobs <n>", "connections and threads that read a whole chain; default: one per processor, up to 4")
    .option("--plain", "walk along every row in plain TypeScript, without the fast way; slower, and finds the same")
    .option(
      "--in-order",
      "of a shard: compare its tables with their events in order, where merge says that they do not add up",
    )
    .option("--policy <file>", "what must be covered (audit-chain policy prints it); default AUDIT_POLICY")
    .option(
      "--state <file>",
      "remembers what the sinks held, of which database, and the last verdict; made if it is not there",
    )
    .option("--max-head-age <age>", "how old the newest signed time may be, for example 90m; default 24h")
    .option("--max-duration <time>", "how long the verification may take, for example 6h; default 24h")
    .option("--allow-unanchored", "accept that there are no sinks")
    .option("--fleet <file>", "verify several databases, side by side: those that this file names; default AUDIT_FLEET")
    .option(...ONLY)
    .option("--overview <file>", "of several databases: also write a page that says how each of them stands")
    .option(
      "--bundle <dir>",
      "verify a log from its files alone, without a database: a tiles: folder, s3://bucket/prefix, or prove --all",
    )
    .option("--report <file>", "also write the report as a page for people: one HTML file that loads nothing")
    .option("--sign <file>", "the verifier's own keys: sign what a full run has found, as one more night of --nights")
    .option("--nights <url>", "where nights are added, out of the database's reach, such as file:/srv/nights.log");
  return (
    addAlertOptions(command)
      .option("--json", "print the report as JSON")
      .addHelpText("after", HELP)
      // A subcommand says for itself what it works on.
      .hook("preAction", async (own, asked) => (own === asked ? await useFleet(context, own, overview) : undefined))
      .action(context.run(async (flags: Flags) => await run(flags, context.signal, overview)))
      .addCommand(historyCommand(context))
      .addCommand(mergeCommand(context, async (asked) => await runAgain(asked, context.signal)))
      .addCommand(alertsCommand(context, alertMemory))
  );
}

async function run({ bundle, ...given }: Flags, signal: AbortSignal, page: FleetOverview): Promise<Outcome> {
  if (bundle !== undefined) return await runBundle({ bundle, ...given }, signal);
  const state = given.state ?? inStateFolder("audit-verify.state");
  const flags = state === undefined ? given : { ...given, state };
  const request = await readRequest(flags, signal).catch(page.noteFailure);
  const sinks = sinksToRead(flags.state);
  try {
    const verification = await verifyDatabase(request, sinks, signal).catch(async (error: unknown) => {
      if (!signal.aborted) {
        await writeFailure(request, error);
        await alertFailure(request.alerts, request.trust.policy ?? null, request.trust.state?.awaitedSince ?? null);
      }
      return await page.noteFailure(error);
    });
    const isNoted = await page.note(verification.report);
    const { exit } = await deliver(verification, request);
    return { exit: exit === EXIT.ok && !isNoted ? EXIT.failed : exit };
  } finally {
    await Promise.all(sinks.map(async (sink) => await sink.close()));
  }
}

/** Reads and checks all of it, before anything is connected to. */
async function readRequest(flags: Flags, signal: AbortSignal): Promise<VerifyRequest> {
  const startSeq = parseSeq("--from", flags.from);
  const endSeq = parseSeq("--to", flags.to);
  if (endSeq !== undefined && endSeq < (startSeq ?? 1n)) throw usage(`--to is ${endSeq}, which is before --from`);
  const checks = parseCheckGroups(flags.checks);
  const shard = parseShard(flags.shard);
  const cutSeq = parseSeq("--cut", flags.cut);
  if (cutSeq !== undefined && (shard === undefined || endSeq !== undefined))
    throw usage("--cut is for shards that go on to the end of the chain: it goes with --shard, and without --to");
  // Of many databases each is read by one: they are beside each other already.
  const jobs = parseJobs(flags.jobs) ?? (currentMember() === undefined ? undefined : 1);
  const seal = readSeal(flags);
  const pinned = flags.policy ?? policyFile();
  const policy = pinned === undefined ? null : await readPolicy(pinned, origin());
  if (flags.report !== undefined) await checkReplaceable("--report", flags.report);
  if (flags.state !== undefined) await checkReplaceable("--state", flags.state);
  const state = await readState(flags.state);
  const keys = await readKeys();
  // Before anything is connected to: what is wrong with them is the configuration's fault.
  const verifiers = parseKeys(keys);
  const maxHeadAgeMs = flags.maxHeadAge === undefined ? maxHeadAge() : parseDuration(flags.maxHeadAge);
  const maxDurationMs = flags.maxDuration === undefined ? undefined : parseDuration(flags.maxDuration);
  const name = origin();
  const witnesses = await readTrustPolicy(verifiers);
  const expected = name ?? policy?.origin ?? undefined;
  checkOrigin(expected, verifiers);
  const url = databaseUrl();
  const night = await readNightTarget(flags);
  const about = { command: "audit-verify", origin: expected ?? null, database: databaseName(url) };
  return {
    url,
    trust: { origin: name, keys, witnesses, policy, state },
    options: {
      startSeq,
      endSeq,
      shard,
      cutSeq,
      checks,
      jobs,
      plain: flags.plain === true,
      shardSecret: seal,
      inOrder: flags.inOrder === true,
      maxHeadAgeMs,
      maxDurationMs,
      allowUnanchored: flags.allowUnanchored === true,
    },
    about,
    alerts: alertTargetOf(flags, about, signal),
    files: { report: flags.report, state: flags.state },
    isJson: flags.json === true,
    seal,
    night,
    policyFile: pinned,
  };
}

/** Runs a shard again, as it was run before but in order, and seals its report. */
async function runAgain({ maxHeadAgeMs, allowUnanchored, ...asked }: ShardAgain, signal: AbortSignal): Promise<string> {
  const flags = { ...asked, ...(allowUnanchored && { allowUnanchored }), json: true, inOrder: true } as const;
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const asBefore = await readRequest(given, signal);
  const request = { ...asBefore, options: { ...asBefore.options, maxHeadAgeMs } };
  const sinks = sinksToRead(asked.state);
  try {
    const { report, shard } = await verifyDatabase(request, sinks, signal);
    if (shard === null || request.seal === undefined) throw new TypeError("no shard was asked for");
    return await sealedReport(report, shard, request.seal, { ...request, version: report.verifier });
  } finally {
    await Promise.all(sinks.map(async (sink) => await sink.close()));
  }
}

/** Connects and verifies, with progress on a terminal. */
async function verifyDatabase(
  { url, trust, options, files }: VerifyRequest,
  heads: readonly Sink[],
  signal: AbortSignal,
): Promise<Verification> {
  const database = await connect(url, {
    applicationName: "audit-verify",
    max: Math.max(2, options.jobs ?? defaultJobs()),
    settings: { default_transaction_read_only: "on" },
  });
  const line = progress({ label: "verify" });
  if (options.plain !== true) keepHeapSmall();
  try {
    // Nothing has been written by then that the signal could leave half done.
    const asked = { ...options, proveFindings: files.report !== undefined, signal };
    return await verify(database, { ...trust, heads }, { ...asked, onProgress: (rows) => line.update(rows) });
  } finally {
    line.done();
    await database.end({ timeout: 1 });
  }
}
