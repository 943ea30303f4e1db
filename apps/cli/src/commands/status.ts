import { type CommandContext, EXIT, type Outcome } from "@scidex/audit-command";
import { Command } from "commander";
import { withDatabase } from "../database/database.ts";
import { print } from "../text/print.ts";
import { readStatus } from "../status/read-status.ts";
import { statusText } from "../status/status-text.ts";

const HELP = `
Shows the head, pending rows, who holds the chain's lock, the last published head of each sink (AUDIT_SINKS; verified
with AUDIT_VERIFIER_KEYS), the attached tables, and what to run where something has changed. It reads and believes the
database; audit-chain verify does not. Exit code 3 when a sink could not be read or the login may not read everything.

Example:
  $ audit-chain status
  $ audit-chain status --json | jq .pending`;

/** `audit-chain status`: everything at a glance. */
export function statusCommand(context: CommandContext): Command {
  return new Command("status")
    .description("Shows head, tables, pending rows, lock and sinks at a glance.")
    .option("--json", "print the report as JSON")
    .addHelpText("after", HELP)
    .action(context.run((options: { json?: boolean }) => run(context, options)));
}

async function run(context: CommandContext, options: { json?: boolean }): Promise<Outcome | void> {
  const use = { command: "status", right: "a member of scidex_audit_inspector" };
  return await withDatabase(context, use, async (database) => {
    const report = await readStatus(database, context.signal);
    await print(options.json, report, () => statusText(report));
    const isWhole = report.not_read.length === 0 && report.sinks.every(({ error }) => error === null);
    return isWhole ? undefined : { exit: EXIT.failed };
  });
}
