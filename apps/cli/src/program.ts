import { type CommandContext, configFile, ONLY, packageVersion, useConfig } from "@scidex/audit-command";
import { Command } from "commander";
import { COMMANDS } from "./commands.ts";
import { OTHER_APPLICATIONS } from "./other-applications.ts";

const HELP = `
Environment:
  AUDIT_DATABASE_URL   the database, postgres://user:password@host:5432/database (else DATABASE_URL)
  AUDIT_CONFIG         audit.config.json, which says what is audited (else that of the current folder)
  AUDIT_SINKS          where heads are published, for example file:/data/audit/chain_head.log
  AUDIT_VERIFIER_KEYS  the log's verifier keys, or a file that holds them

Exit codes: 0 done, intact; 1 tampering found; 2 wrong usage or configuration; 3 could not be done or checked.

Example:
  $ export AUDIT_DATABASE_URL=postgres://postgres:secret@localhost:5432/app
  $ audit-chain init
  $ audit-chain attach task_events
  $ audit-chain status`;

/**
 * The `audit-chain` command. Only the subcommand that the command line names is loaded. Of the others there is just a
 * name and a summary, so a set-up command waits neither for the verifier nor for the test server.
 *
 * @param argv the command line, Node and script included
 */
export async function auditChain(context: CommandContext, argv: readonly string[]): Promise<Command> {
  const program = new Command("audit-chain")
    .description("A tamper-evident audit log for PostgreSQL: set-up, status, and the other commands under one roof.")
    .version(packageVersion(import.meta.url))
    .showHelpAfterError("(--help shows the options)")
    .addHelpText("after", HELP);
  for (const { name, summary, load, readsConfig } of COMMANDS) {
    if (!argv.slice(2).includes(name)) {
      program.command(name).summary(summary);
      continue;
    }
    const command = (await load(context)).summary(summary);
    if (readsConfig !== undefined) {
      const use = { isEach: readsConfig === "each" };
      command
        .option(...ONLY)
        .hook("preAction", async () => void (await useConfig(context, command, { named: configFile(), ...use })));
    }
    program.addCommand(command);
  }
  for (const { name, summary } of OTHER_APPLICATIONS) program.command(name).summary(summary);
  return program;
}
