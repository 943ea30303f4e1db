import { type CommandContext, escapeText, type Outcome } from "@scidex/audit-command";
import { detach } from "@scidex/audit-schema";
import { Command } from "commander";
import { withDatabase } from "../database/database.ts";
import { forEachTable } from "../for-each-table.ts";

const HELP = `
The detachment is recorded in the chain, and the verifier reports it (coverage_narrowed) unless its policy file allows
it. Rows chained before stay checked.

Example:
  $ audit-chain detach sandbox_audit_event`;

/** `audit-chain detach`: removes the triggers; the detachment is chained. */
export function detachCommand(context: CommandContext): Command {
  return new Command("detach")
    .description("Stops auditing tables: removes capture and guards.")
    .argument("<table...>", "tables, named as in SQL")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((tables: string[], options: { json?: boolean }) => run(context, tables, options)));
}

async function run(
  context: CommandContext,
  tables: readonly string[],
  options: { json?: boolean },
): Promise<Outcome | void> {
  const use = { command: "detach", right: "the table's owner who also ran audit-chain init, or a superuser" };
  return await withDatabase(context, use, (database) =>
    forEachTable(context, database, {
      targets: tables.map((table) => ({ table, options })),
      missing: [],
      json: options.json,
      work: async ({ table }) => {
        await detach(database.db, table);
        return {
          result: { table, detached: true },
          lines: [
            `${escapeText(table)} is detached; this is recorded in the chain. The verifier finds it until its policy has approved it: audit-chain policy --diff FILE, then --approve FILE.`,
          ],
        };
      },
    }),
  );
}
