import { type CommandContext, escapeText } from "@scidex/audit-command";
import { migrate } from "@scidex/audit-schema";
import { Command } from "commander";
import { withDatabase } from "../database/database.ts";
import { print } from "../text/print.ts";

const HELP = `
Safe to repeat, and to run several times at once. The login is a superuser, or has CREATEROLE and may create objects
in the schema public.

Example:
  $ AUDIT_DATABASE_URL=postgres://postgres:secret@localhost:5432/app audit-chain init`;

/** `audit-chain init`: migrations and roles. */
export function initCommand(context: CommandContext): Command {
  return new Command("init")
    .description("Creates the audit chain's tables, functions and roles in a database, or brings them up to date.")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((options: { json?: boolean }) => init(context, options)));
}

async function init(context: CommandContext, options: { json?: boolean }): Promise<void> {
  const use = { command: "init", right: "a superuser, or as a role with CREATEROLE", setUp: true };
  await withDatabase(context, use, async ({ db, name }) => {
    const { applied, version, warnings } = await migrate(db);
    await print(options.json, { database: name, applied, version, warnings }, () => [
      applied.length === 0
        ? `The audit chain in the database ${escapeText(name)} is up to date (migration ${version}).`
        : `The audit chain is set up in the database ${escapeText(name)} (${applied.join(", ")}).`,
      ...warnings.map((warning) => `warning: ${escapeText(warning)}`),
      ...(applied.length === 0 ? [] : ["Next: audit-chain attach TABLE"]),
    ]);
  });
}
