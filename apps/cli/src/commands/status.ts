import { type CommandContext, EXIT, type Outcome } from "@scidex/audit-command";
import { Command } from "commander";
import { withDatabase } from "../database/database.ts";
import { print } from "../text/print.ts";
import { readStatus } from "../status/read-status.ts";
import type { StatusReport, TableState } from "../status/status-report.ts";
import { statusText } from "../status/status-text.ts";

const HELP = `
Shows the head, pending rows, who holds the chain's lock, the last published head of each sink (AUDIT_SINKS; verified
with AUDIT_VERIFIER_KEYS), the attached tables, which tables are not, and what to run where something has changed. It
reads and believes the database; audit-chain verify does not. Where many tables have one problem, it is said once;
--table, --problems and --json list all. Exit code 3 when a sink could not be read or the login may not read everything.

Example:
  $ audit-chain status
  $ audit-chain status --problems
  $ audit-chain status --table task_events app.metrics
  $ audit-chain status --json | jq .pending`;

interface Options {
  readonly table?: string[];
  readonly problems?: boolean;
  readonly json?: boolean;
}

/** `audit-chain status`: everything at a glance. */
export function statusCommand(context: CommandContext): Command {
  return new Command("status")
    .description("Shows head, tables, pending rows, lock and sinks at a glance.")
    .option("--table <names...>", "show these tables only")
    .option("--problems", "show only tables with which something is not right")
    .option("--json", "print the report as JSON")
    .addHelpText("after", HELP)
    .action(context.run((options: Options) => run(context, options)));
}

async function run(context: CommandContext, options: Options): Promise<Outcome | void> {
  const use = { command: "status", right: "a member of scidex_audit_inspector" };
  return await withDatabase(context, use, async (database) => {
    const whole = await readStatus(database, context.signal, options.table);
    const report = options.problems === true ? withProblems(whole) : whole;
    const isChosen = options.table !== undefined || options.problems === true;
    await print(options.json, report, () =>
      statusText(report, { hidden: whole.tables.length - report.tables.length, isChosen }),
    );
    const isWhole = report.not_read.length === 0 && report.sinks.every(({ error }) => error === null);
    return isWhole ? undefined : { exit: EXIT.failed };
  });
}

/** Without the tables with which nothing is wrong. */
function withProblems(report: StatusReport): StatusReport {
  const named = new Set(report.to_do.map(({ about }) => about));
  const isRight = ({ relation, unchained }: TableState) => !named.has(relation) && "rows" in unchained;
  return { ...report, tables: report.tables.filter((table) => !isRight(table)), detached: [], not_audited: [] };
}
