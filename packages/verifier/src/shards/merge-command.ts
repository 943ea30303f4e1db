import { readFile } from "node:fs/promises";
import { CommandError, type CommandContext, EXIT, type Outcome, shardSecret, writeOut } from "@scidex/audit-command";
import { Command } from "commander";
import { configuration, messageOf } from "../command/errors.ts";
import { describeReport } from "../report/describe-report.ts";
import { formatReport, type VerificationReport } from "../report/verification-report.ts";
import { MergeError, mergeReports, type OpenedReport } from "./merge-reports.ts";
import { openShardReport } from "./shard-report.ts";

const HELP = `
Each shard is run with --shard K/N --run ID --json and the same AUDIT_SHARD_SECRET (16 characters or more), policy, keys, sinks
and --cut. What they print is merged into the report that one run would have printed. A shard that is missing makes it
unproven. Refused are a report of another run, chain, policy, key, head or range, one that is there twice, and one that somebody
has changed.

Use an ID, or better a secret, for one run only: else reports of before can be put in the place of those of today.

Exit code: as audit-verify; 3 where reports are refused.

Example:
  $ export AUDIT_SHARD_SECRET=$(openssl rand -hex 32)
  $ for k in 1 2 3 4; do audit-verify --shard $k/4 --cut 80000000 --run 17 --json > shard-$k.json & done; wait
  $ audit-verify merge --run 17 shard-*.json`;

interface Flags {
  readonly run: string;
  readonly json?: true;
}

/** `audit-verify merge`: one report of the reports of shards. */
export function mergeCommand(context: CommandContext): Command {
  return new Command("merge")
    .description("Makes one report of the reports of all shards of a verification.")
    .argument("<reports...>", "what the shards have printed, a file each")
    .requiredOption("--run <id>", "what the run is called whose reports these are")
    .option("--json", "print the report as JSON")
    .addHelpText("after", HELP)
    .action(context.run(async (files: string[], flags: Flags) => await merge(files, flags)));
}

async function merge(files: readonly string[], { run, json }: Flags): Promise<Outcome> {
  const secret = shardSecret();
  if (secret === undefined)
    throw configuration("AUDIT_SHARD_SECRET is not set; expected the secret that the shards were run with", undefined);
  const opened: OpenedReport[] = [];
  for (const file of files) opened.push(await open(file, secret));
  const report = mergeOrRefuse(opened, run);
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

function mergeOrRefuse(opened: readonly OpenedReport[], run: string): VerificationReport {
  try {
    return mergeReports(opened, run);
  } catch (cause) {
    if (cause instanceof MergeError) throw new CommandError("failed", `refused: ${cause.message}`, { cause });
    throw cause;
  }
}
