import {
  checkReplaceable,
  type CommandContext,
  connect,
  databaseName,
  databaseUrl,
  EXIT,
  keepHeapSmall,
  maxHeadAge,
  type Outcome,
  origin,
  packageVersion,
  parseDuration,
  policyFile,
  progress,
  redact,
  sinkUrls,
  writeOut,
} from "@scidex/audit-command";
import { parseVerifierKey } from "@scidex/audit-core";
import { failurePage, page } from "@scidex/audit-report";
import { openSink, type Sink, SinkError } from "@scidex/audit-sinks";
import { Command } from "commander";
import { parseChecks, parseJobs, parseSeq, parseShard } from "./command/argv.ts";
import { configuration, messageOf, usage } from "./command/errors.ts";
import { readKeys, readPolicy, readState, write } from "./command/files.ts";
import { describeReport } from "./report/describe-report.ts";
import { formatState, GROUPS } from "@scidex/audit-reader";
import { formatReport } from "./report/report.ts";
import { verifyWithState } from "./verify.ts";
import { defaultJobs } from "./verify-options.ts";

interface Flags {
  readonly from?: string;
  readonly to?: string;
  readonly checks?: string;
  readonly shard?: string;
  readonly jobs?: string;
  readonly plain?: true;
  readonly policy?: string;
  readonly state?: string;
  readonly maxHeadAge?: string;
  readonly maxDuration?: string;
  readonly allowUnanchored?: true;
  readonly report?: string;
  readonly json?: true;
}

const HELP = `
Environment: AUDIT_DATABASE_URL (a role with scidex_audit_inspector; scidex_audit_ro is enough for --checks links,heads),
AUDIT_SINKS, AUDIT_VERIFIER_KEYS, AUDIT_ORIGIN, AUDIT_POLICY, AUDIT_MAX_HEAD_AGE.

Exit code: 0 intact, 1 tampering found, 2 wrong usage or configuration, 3 could not check everything.

Examples:
  $ audit-verify
  $ audit-verify --json --policy policy.json --state /var/lib/audit/verifier.state
  $ audit-verify --report audit.html
  $ audit-verify --checks links,heads --from 100000
  $ audit-verify --shard 3/8 --to 80000000
  $ audit-verify --jobs 8

Shards end at published heads. Give all of them the same --to, if heads may be published meanwhile. Rows without an
event are judged by the first shard, rows that wait to be linked by the last.`;

/** The `audit-verify` command. */
export function verifyCommand(context: CommandContext): Command {
  return new Command("audit-verify")
    .version(packageVersion(import.meta.url))
    .description("Verifies the audit chain, its published heads and the audited rows. Reads only.")
    .option("--from <seq>", "first link to verify; widened to the published head before it")
    .option("--to <seq>", "last link to verify; widened to the published head after it")
    .option("--checks <groups>", `comma-separated groups of checks: ${GROUPS.join(", ")}`)
    .option("--shard <k/n>", "one of n parts, which together find what a whole run finds; with the same sinks and --to")
    .option("--jobs <n>", "connections and threads that read a whole chain; default: one per processor, up to 4")
    .option("--plain", "walk along every row in plain TypeScript, without the fast way; slower, and finds the same")
    .option("--policy <file>", "what must be covered (audit-chain policy prints it); default AUDIT_POLICY")
    .option(
      "--state <file>",
      "remembers what the sinks held, of which database, and the last verdict; made if it is not there",
    )
    .option("--max-head-age <age>", "how old the newest signed time may be, for example 90m; default 24h")
    .option("--max-duration <time>", "how long the verification may take, for example 6h; default 24h")
    .option("--allow-unanchored", "accept that there are no sinks")
    .option("--report <file>", "also write the report as a page for people: one HTML file that loads nothing")
    .option("--json", "print the report as JSON")
    .addHelpText("after", HELP)
    .action(context.run(async (flags: Flags) => await run(flags, context.signal)));
}

async function run(flags: Flags, signal: AbortSignal): Promise<Outcome> {
  const startSeq = parseSeq("--from", flags.from);
  const endSeq = parseSeq("--to", flags.to);
  if (endSeq !== undefined && endSeq < (startSeq ?? 1n)) throw usage(`--to is ${endSeq}, which is before --from`);
  const checks = parseChecks(flags.checks);
  const shard = parseShard(flags.shard);
  const jobs = parseJobs(flags.jobs);
  const policy = await readPolicy(flags.policy ?? policyFile());
  if (flags.report !== undefined) await checkReplaceable("--report", flags.report);
  if (flags.state !== undefined) await checkReplaceable("--state", flags.state);
  const state = await readState(flags.state);
  const keys = checkKeys(await readKeys());
  const maxHeadAgeMs = flags.maxHeadAge === undefined ? maxHeadAge() : parseDuration(flags.maxHeadAge);
  const maxDurationMs = flags.maxDuration === undefined ? undefined : parseDuration(flags.maxDuration);
  const name = origin();
  checkOrigin(name ?? policy?.origin ?? undefined, keys);
  const url = databaseUrl();
  const sinks = openSinks(flags.state);
  const about = { command: "audit-verify", origin: name ?? policy?.origin ?? null, database: databaseName(url) };
  const fail = async (error: unknown): Promise<never> => {
    // A page of before would go on saying that all is well.
    const reason = redact(messageOf(error));
    if (!signal.aborted)
      await write("--report", flags.report, () => failurePage({ ...about, reason, failedAt: Date.now() }));
    throw error;
  };
  const database = await connect(url, {
    applicationName: "audit-verify",
    max: Math.max(2, jobs ?? defaultJobs()),
    settings: { default_transaction_read_only: "on" },
  }).catch(fail);
  const line = progress({ label: "verify" });
  if (flags.plain !== true) keepHeapSmall();
  try {
    const {
      report,
      state: next,
      overview,
    } = await verifyWithState(database, {
      heads: sinks,
      keys,
      origin: name,
      policy,
      state,
      checks,
      startSeq,
      endSeq,
      shard,
      jobs,
      plain: flags.plain === true,
      maxHeadAgeMs,
      maxDurationMs,
      // Nothing has been written by then that could be left half done.
      signal,
      allowUnanchored: flags.allowUnanchored === true,
      onProgress: (rows) => line.update(rows),
    }).catch(fail);
    line.done();
    await writeOut(flags.json ? `${formatReport(report)}\n` : describeReport(report));
    let isWritten = await write("--report", flags.report, () =>
      page({
        report,
        overview,
        ...about,
        verifiedAt: Date.now(),
        isWhole: startSeq === undefined && endSeq === undefined && shard === undefined,
        notes: [],
      }),
    );
    isWritten = (await write("--state", flags.state, () => formatState(next))) && isWritten;
    const exits = {
      intact: isWritten ? EXIT.ok : EXIT.failed,
      tampered: EXIT.tampered,
      unproven: EXIT.failed,
    } as const;
    return { exit: exits[report.status] };
  } finally {
    line.done();
    await Promise.all(sinks.map(async (sink) => await sink.close()));
    await database.end({ timeout: 1 });
  }
}

/** @param state the state file, beside which git sinks keep their clones; without one they are made anew each time */
function openSinks(state: string | undefined): Sink[] {
  const folder = state === undefined ? undefined : `${state}.clones`;
  try {
    return sinkUrls().map((url) => openSink(url, { folder }));
  } catch (error) {
    if (error instanceof SinkError) throw configuration(`AUDIT_SINKS: ${error.message}`, error);
    throw error;
  }
}

/** Keys are checked before anything is connected to: what is wrong with them is the configuration's fault. */
function checkKeys(keys: readonly string[]): readonly string[] {
  for (const key of keys) {
    try {
      parseVerifierKey(key);
    } catch (error) {
      throw configuration(
        `AUDIT_VERIFIER_KEYS: ${JSON.stringify(key.slice(0, 80))} is not a verifier key: ${messageOf(error)}`,
        error,
      );
    }
  }
  return keys;
}

/** Which log's heads are expected must be said where the keys are those of several. */
function checkOrigin(name: string | undefined, keys: readonly string[]): void {
  const logs = new Set(keys.map((key) => parseVerifierKey(key)).flatMap((key) => (key.type === 1 ? [key.name] : [])));
  if (name !== undefined || logs.size < 2) return;
  throw configuration(
    `AUDIT_ORIGIN is not set, and AUDIT_VERIFIER_KEYS has the keys of several logs; expected one of ${[...logs].map((log) => JSON.stringify(log)).join(", ")}`,
    undefined,
  );
}
