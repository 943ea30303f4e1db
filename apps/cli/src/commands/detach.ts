import { type CommandContext, escapeText, type Outcome } from "@scidex/audit-command";
import { sqlState } from "@scidex/audit-core";
import { detach, dropped } from "@scidex/audit-schema";
import { Command } from "commander";
import type { Sql } from "postgres";
import { type Database, withDatabase } from "../database/database.ts";
import { drizzleOf } from "../database/drizzle.ts";
import { UNKNOWN_NAME } from "../database/meant-table.ts";
import { forEachTable } from "../for-each-table.ts";
import { readFound } from "../sync/read-found.ts";

const HELP = `
The detachment is recorded in the chain, and the verifier reports it (coverage_narrowed) unless its policy file allows
it. Rows chained before stay checked. A table that has been dropped is detached by the name that it had, or by sync.

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
        const kind = await detachOrDropped(database, table);
        return {
          result: { table, detached: true },
          lines: [
            `${escapeText(table)} ${kind === null ? "is detached" : `is gone, and its kind ${escapeText(kind)} is closed`}; this is recorded in the chain. The verifier finds it until its policy has approved it: audit-chain policy --diff FILE, then --approve FILE.`,
          ],
        };
      },
    }),
  );
}

/**
 * Detaches a table, or records that it has been dropped.
 *
 * @returns the kind of a table that is gone; null for one that was there
 */
async function detachOrDropped(database: Database, table: string): Promise<string | null> {
  const db = drizzleOf(database);
  try {
    await detach(db, table);
    return null;
  } catch (error) {
    if (!UNKNOWN_NAME.has(sqlState(error) ?? "")) throw error;
    const kind = await kindOfGone(database.sql, table);
    if (kind === undefined) throw error;
    await dropped(db, kind);
    return kind;
  }
}

/** The kind under which a table was attached that is gone, by its name of then. */
async function kindOfGone(sql: Sql, name: string): Promise<string | undefined> {
  const { attached } = await readFound(sql);
  const names = [name, `public.${name}`];
  return attached.find(({ live, relation }) => live === null && names.includes(relation))?.kind;
}
