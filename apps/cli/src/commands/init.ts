import { type CommandContext, escapeText, type Outcome } from "@scidex/audit-command";
import { migrate } from "@scidex/audit-schema";
import { Command } from "commander";
import { withDatabase } from "../database/database.ts";
import { print } from "../text/print.ts";

const HELP = `
Safe to repeat, and to run several times at once. The login is a superuser, or has CREATEROLE and may create objects
in the schema public.

--repair is for a chain that has lost something: owners and rights after a restore without them, triggers, guards, functions,
the tables that linking needs. It first verifies links, published heads (AUDIT_SINKS, AUDIT_VERIFIER_KEYS) and configuration,
and mends nothing where these are not what they were. Keep the report of audit-verify from before: it says what was changed.
What it mends is recorded in the chain, as what it was found. Owners, rights and roles that a restore left out are clean
then; anything else stays a finding (coverage_narrowed) until the auditor has approved it: audit-chain policy --diff FILE.
What holds records is never made anew.

Examples:
  $ AUDIT_DATABASE_URL=postgres://postgres:secret@localhost:5432/app audit-chain init
  $ audit-chain init --repair`;

interface Options {
  readonly repair?: boolean;
  readonly json?: boolean;
}

/** `audit-chain init`: migrations and roles. */
export function initCommand(context: CommandContext): Command {
  return new Command("init")
    .description("Creates the audit chain's tables, functions and roles in a database, or brings them up to date.")
    .option("--repair", "put back what it has lost: owners, rights, triggers, guards, functions")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(
      context.run(async (options: Options): Promise<Outcome | void> => {
        if (options.repair === true)
          return await (await import("../repair/repair-chain.ts")).repairChain(context, options.json);
        await init(context, options);
      }),
    );
}

async function init(context: CommandContext, options: Options): Promise<void> {
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
