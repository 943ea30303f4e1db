import { CommandError, type CommandContext, escapeText } from "@scidex/audit-command";
import { uninstall, type UninstallResult } from "@scidex/audit-schema";
import { Command } from "commander";
import { withDatabase } from "../database/database.ts";
import { drizzleOf } from "../database/drizzle.ts";
import { print } from "../text/print.ts";

const HELP = `
Triggers and guards of audited tables, functions, tables, rights, and the roles where no other database of the server uses
them: all of it, or nothing. Audited tables keep their rows. audit_log and senate_alerts go only where init made them and
they are empty. What somebody has built on it (a view, a trigger) is named, and nothing is removed then.

With the chain go all its links: what was recorded can be proven no more, but for published heads and tiles. So this wants
--yes. With --keep-chain the chain and its configuration stay, readable and guarded; tables are detached first, which the
chain records. audit-verify --checks links,heads can check it from then on.

The login is a superuser, or the role that ran init and owns the audited tables.

Examples:
  $ audit-chain uninstall --dry-run
  $ audit-chain uninstall --keep-chain
  $ audit-chain uninstall --yes`;

interface Options {
  readonly keepChain?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `audit-chain uninstall`: removes what init and attach have made. */
export function uninstallCommand(context: CommandContext): Command {
  return new Command("uninstall")
    .description("Removes what init and attach have made, and nothing else.")
    .option("--keep-chain", "keep the chain and its configuration, readable and guarded")
    .option("--dry-run", "say what would be removed; change nothing")
    .option("--yes", "remove a chain that has links, too")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((options: Options) => run(context, options)));
}

async function run(context: CommandContext, { keepChain, dryRun, yes, json }: Options): Promise<void> {
  const use = { command: "uninstall", right: "a superuser, or the role that ran audit-chain init", setUp: true };
  await withDatabase(context, use, async ({ sql, name }) => {
    const result = await uninstall(drizzleOf({ sql }), {
      keepChain,
      dryRun,
      confirm: ({ links }) => {
        if (links === 0n || yes === true) return;
        throw new CommandError(
          "usage",
          `the chain in the database ${name} has ${links} links, which would be lost. --keep-chain keeps it; --yes removes it too; --dry-run says what would be removed`,
        );
      },
    });
    const { removed, kept, links } = result;
    await print(json, { database: name, dry_run: dryRun === true, removed, kept, links: String(links) }, () =>
      linesOf(name, result, dryRun === true),
    );
  });
}

function linesOf(name: string, { removed, kept, links }: UninstallResult, isDry: boolean): string[] {
  if (removed.length === 0 && kept.length === 0)
    return [`There is nothing of the audit chain in the database ${escapeText(name)}.`];
  return [
    ...removed.map((line) => escapeText(`${isDry ? "would remove" : "removed"} ${line}`)),
    ...kept.map((line) => escapeText(`kept ${line}`)),
    ...(isDry && links > 0n ? [`The chain has ${links} links: it is removed with --yes only.`] : []),
  ];
}
