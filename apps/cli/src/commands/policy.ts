import type { CommandContext, Outcome } from "@scidex/audit-command";
import { Command, Option } from "commander";

const HELP = `
Keep the file where whoever can write to the database cannot (a repository, the CI job), and name it with AUDIT_POLICY:
the verifier then reports whatever the database covers less, and whatever has narrowed it since. AUDIT_ORIGIN is the
log's name.

A first policy approves all that came up to the newest published head (AUDIT_SINKS, AUDIT_VERIFIER_KEYS). Later ones are
printed with AUDIT_POLICY set: what the database cannot say, the approval too, stays as that file has it.

--diff says what has changed since FILE was approved, a sentence a line, and in what FILE differs from the database now.
It notes beside FILE, as FILE.shown, how far it has looked. --approve approves that, and nothing that came after, once it
has verified links and published heads.

A server that is not plain PostgreSQL has other rows in the builtin catalogs: --pin-server says on stderr which, and pins
them. Read them first: whoever has tampered with the server's catalog is pinned too. --diff says which rows of the server
are not PostgreSQL's own, nor as FILE has pinned them.

Exit code of --diff: 4 if anything narrows or a row of the server differs. Of --approve: 4 if something that narrows came
after what was approved. Of both: 1 where the chain was tampered with, 3 where that cannot be told.

Examples:
  $ AUDIT_ORIGIN=scidex.ai/audit-chain audit-chain policy > audit-policy.json
  $ audit-chain policy --diff audit-policy.json
  $ audit-chain policy --approve audit-policy.json`;

interface PolicyOptions {
  readonly json?: boolean;
  readonly pinServer?: boolean;
  readonly diff?: string;
  readonly approve?: string;
}

/** `audit-chain policy`: the verifier's policy file printed, compared with the database, or approved. */
export function policyCommand(context: CommandContext): Command {
  return new Command("policy")
    .description("Prints what is covered now, to be pinned as the verifier's policy file.")
    .addOption(
      new Option(
        "--pin-server",
        "pin the builtin rows of the catalogs that are not PostgreSQL's own on this server",
      ).conflicts(["diff", "approve"]),
    )
    .addOption(
      new Option("--diff <file>", "say what has come since this policy file was approved").conflicts("approve"),
    )
    .option("--approve <file>", "approve in this policy file what --diff has shown")
    .option("--json", "JSON on one line")
    .addHelpText("after", HELP)
    .action(context.run((options: PolicyOptions) => run(context, options)));
}

/** Only what is asked for is loaded: the verifier takes its time. */
async function run(context: CommandContext, options: PolicyOptions): Promise<Outcome | void> {
  const { diff, approve, json } = options;
  if (diff !== undefined) return await (await import("../policy/diff-policy.ts")).diffPolicy(context, diff, json);
  if (approve !== undefined)
    return await (await import("../policy/approve-policy.ts")).approvePolicy(context, approve, json);
  await (await import("../policy/print-policy.ts")).printPolicy(context, options);
}
