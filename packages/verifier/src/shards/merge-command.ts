import { readFile } from "node:fs/promises";
import {
  CommandError,
  type CommandContext,
  EXIT,
  inStateFolder,
  isDatabaseNamed,
  type Outcome,
  shardSecret,
  writeOut,
} from "@scidex/audit-command";
import { Command } from "commander";
import { configuration, messageOf } from "../command/errors.ts";
import { describeReport } from "../report/describe-report.ts";
import { formatReport } from "../report/verification-report.ts";
import { type MergedReport, MergeError, mergeReports, type OpenedReport } from "./merge-reports.ts";
import { openShardReport } from "./shard-report.ts";

const HELP = `
Each shard is run with --shard K/N --run ID --json and the same AUDIT_SHARD_SECRET (16 characters or more), policy, keys, sinks
and --cut. What they print is merged into the report that one run would have printed. A shard that is missing makes it
unproven. Refused are a report of another run, chain, policy, key, head or range, one that is there twice, and one that somebody
has changed.

Shards add up rows and events, and here the sums are compared. Where they differ, the shard that has the table is run again,
and compares it in order: with AUDIT_DATABASE_URL, AUDIT_SINKS, AUDIT_VERIFIER_KEYS and the rest as the shards had them. Without
AUDIT_DATABASE_URL the report is unproven, and says which shard is to be run with --in-order.

Use an ID, or better a secret, for one run only: else reports of before can be put in the place of those of today.

Exit code: as audit-verify; 3 where reports are refused.

Example:
  $ export AUDIT_SHARD_SECRET=$(openssl rand -hex 32)
  $ for k in 1 2 3 4; do audit-verify --shard $k/4 --cut 80000000 --run 17 --json > shard-$k.json & done; wait
  $ audit-verify merge --run 17 shard-*.json`;

interface Flags {
  readonly run: string;
  readonly policy?: string;
  readonly state?: string;
  readonly json?: true;
}

/** Runs a shard again, to compare its tables in order. Returns what it prints. */
export type RunAgain = (asked: ShardAgain) => Promise<string>;

/** A shard as it was run before, as far as its report says so. */
export interface ShardAgain {
  readonly run: string;
  readonly shard: string;
  readonly from: string;
  readonly to: string | undefined;
  readonly cut: string | undefined;
  readonly checks: string;
  readonly allowUnanchored: boolean;
  readonly maxHeadAgeMs: number;
  readonly policy: string | undefined;
  readonly state: string | undefined;
}

/** `audit-verify merge`: one report of the reports of shards. */
export function mergeCommand(context: CommandContext, runAgain: RunAgain): Command {
  return new Command("merge")
    .description("Makes one report of the reports of all shards of a verification.")
    .argument("<reports...>", "what the shards have printed, a file each")
    .requiredOption("--run <id>", "what the run is called whose reports these are")
    .option("--policy <file>", "of the shards, where one is run again; default AUDIT_POLICY")
    .option("--state <file>", "the same")
    .option("--json", "print the report as JSON")
    .addHelpText("after", HELP)
    .action(context.run(async (files: string[], flags: Flags) => await merge(files, flags, runAgain)));
}

async function merge(files: readonly string[], flags: Flags, runAgain: RunAgain): Promise<Outcome> {
  const secret = shardSecret();
  if (secret === undefined)
    throw configuration("AUDIT_SHARD_SECRET is not set; expected the secret that the shards were run with", undefined);
  const { run, json } = flags;
  const opened: OpenedReport[] = [];
  for (const file of files) opened.push(await open(file, secret));
  let { report, open: left } = mergeOrRefuse(opened, run);
  if (left.length > 0 && isDatabaseNamed()) {
    for (const { number } of left) {
      const at = opened.findIndex((one) => numberOf(one) === number);
      const before = opened[at];
      if (before === undefined) continue;
      const line = await runAgain({ ...askedOf(before), ...filesOf(flags, before) });
      opened[at] = { file: `shard ${number}, run again`, json: openShardReport(line, secret) };
    }
    ({ report } = mergeOrRefuse(opened, run));
  }
  await writeOut(json === true ? `${formatReport(report)}\n` : describeReport(report));
  return { exit: { intact: EXIT.ok, tampered: EXIT.tampered, unproven: EXIT.failed }[report.status] };
}

async function open(file: string, secret: string): Promise<OpenedReport> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw configuration(`the report ${file} cannot be read: ${messageOf(error)}`, error);
  }
  try {
    return { file, json: openShardReport(text, secret) };
  } catch (cause) {
    throw new CommandError("failed", `${file} is refused: ${messageOf(cause)}`, { cause });
  }
}

function mergeOrRefuse(opened: readonly OpenedReport[], run: string): MergedReport {
  try {
    return mergeReports(opened, run);
  } catch (cause) {
    if (cause instanceof MergeError) throw new CommandError("failed", `refused: ${cause.message}`, { cause });
    throw cause;
  }
}

/** What a report says of how its shard was run. Its MAC has been checked. */
interface Bound {
  readonly number: number;
  readonly of: number;
  readonly bound: {
    readonly run: string;
    readonly from: number;
    readonly to: number | null;
    readonly end: { readonly seq: number } | null;
    readonly checks: readonly string[];
    readonly has_state: boolean;
    readonly allow_unanchored: boolean;
    readonly max_head_age_ms: number;
  };
}

const boundOf = ({ json }: OpenedReport): Bound => json["shard"] as Bound;
const numberOf = (report: OpenedReport): number => boundOf(report).number;

function askedOf(report: OpenedReport): Omit<ShardAgain, "policy" | "state"> {
  const { number, of, bound } = boundOf(report);
  return {
    run: bound.run,
    shard: `${number}/${of}`,
    from: String(bound.from),
    to: bound.to === null ? undefined : String(bound.to),
    cut: bound.to === null && bound.end !== null ? String(bound.end.seq) : undefined,
    checks: bound.checks.join(),
    allowUnanchored: bound.allow_unanchored,
    maxHeadAgeMs: bound.max_head_age_ms,
  };
}

/** A shard that had no state is run without one again: else its report would be refused. */
function filesOf({ policy, state }: Flags, report: OpenedReport): Pick<ShardAgain, "policy" | "state"> {
  const { has_state: hasState } = boundOf(report).bound;
  return { policy, state: hasState ? (state ?? inStateFolder("audit-verify.state")) : undefined };
}
