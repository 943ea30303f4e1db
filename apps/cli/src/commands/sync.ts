import { CommandError, type CommandContext, EXIT, escapeText, type Outcome } from "@scidex/audit-command";
import { attach, dropped, sync } from "@scidex/audit-schema";
import { Command, Option } from "commander";
import { explained } from "../database/database-error.ts";
import { type Database, withDatabase } from "../database/database.ts";
import { type Difference, differencesOf } from "../sync/differences.ts";
import { type AttachedTable, readAttached } from "../sync/read-attached.ts";
import { print } from "../text/print.ts";

const HELP = `
Run it after each deployment, with the login that migrates: for every attached table it takes in columns that joined,
were renamed, retyped or dropped, follows tables that were renamed or moved, and records those that were dropped. What
narrows the coverage is reported by the verifier (coverage_narrowed) until the auditor has approved it: audit-chain
policy --diff FILE. Where nothing has changed nothing is locked or recorded.

A migration can do the same for its own table, as its last statement, which covers new columns from the first moment on:
  select audit_chain_sync('orders'::regclass);

--check changes nothing, says what differs, and ends with 4 if anything does: for CI, and after a deployment.

Examples:
  $ audit-chain sync
  $ audit-chain sync --check`;

interface Options {
  readonly check?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** What became of a table. */
interface Synced {
  readonly table: string;
  readonly kind: string;
  readonly differences: readonly Difference[];
  /** `differs` where nothing was changed. */
  readonly status: "synced" | "differs" | "failed";
  readonly error?: string;
  /** Whether rows have values in columns that joined after them. */
  readonly record_anew?: boolean;
}

/** `audit-chain sync`: takes in what migrations have changed of attached tables. */
export function syncCommand(context: CommandContext): Command {
  return new Command("sync")
    .description("Takes in what a migration has changed of the attached tables.")
    .option("--check", "change nothing, say what differs, and exit with 4 if anything does")
    .addOption(new Option("--dry-run", "change nothing, and say what would be done").conflicts("check"))
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((options: Options) => run(context, options)));
}

const USE = { command: "sync", right: "a member of scidex_audit_deployer who owns the tables, or a superuser" };

async function run(context: CommandContext, { check = false, dryRun = false, json }: Options): Promise<Outcome | void> {
  return await withDatabase(context, USE, async (database) => {
    const tables = await readTables(database);
    const different = tables
      .map((table) => ({ table, differences: differencesOf(table) }))
      .filter(({ differences }) => differences.length > 0);
    const results: Synced[] = [];
    for (const { table, differences } of different) {
      context.signal.throwIfAborted();
      results.push(
        check || dryRun ? result(table, differences, "differs") : await take(context, database, table, differences),
      );
    }
    const isFailed = results.some(({ status }) => status === "failed");
    await print(json, { attached: tables.length, tables: results }, () => describe(tables.length, results));
    if (isFailed) return { exit: EXIT.failed };
    return check && results.length > 0 ? { exit: EXIT.differs } : undefined;
  });
}

async function readTables({ sql }: Database): Promise<AttachedTable[]> {
  return await sql.begin("isolation level repeatable read read only", async (tx) => {
    await tx`set local search_path = pg_catalog, pg_temp`;
    return await readAttached(tx);
  });
}

const result = (table: AttachedTable, differences: readonly Difference[], status: Synced["status"]): Synced => ({
  table: table.live?.relation ?? table.relation,
  kind: table.kind,
  differences,
  status,
});

/** One table, in a transaction of its own. */
async function take(
  context: CommandContext,
  database: Database,
  table: AttachedTable,
  differences: readonly Difference[],
): Promise<Synced> {
  const blocked = differences.flatMap(({ blocked: reason }) => (reason === undefined ? [] : [reason]));
  if (blocked.length > 0) return { ...result(table, differences, "failed"), error: blocked.join("; ") };
  try {
    return { ...result(table, differences, "synced"), record_anew: await record(database, table) };
  } catch (error) {
    context.signal.throwIfAborted();
    const reason = explained(error, { user: database.sql.options.user, right: USE.right, isNaming: true });
    if (reason instanceof CommandError && reason.code === "unavailable") throw reason;
    const message = reason instanceof Error ? reason.message : String(reason);
    return { ...result(table, differences, "failed"), error: message };
  }
}

/** @returns whether rows have values in columns that joined after them */
async function record({ db }: Database, { live, isReplaced, kind, relation }: AttachedTable): Promise<boolean> {
  if (live !== null) return (await sync(db, live.relation)).record_anew;
  await dropped(db, kind);
  // The new table gets a kind of its own: keys of the old one would be taken for its.
  if (isReplaced) await attach(db, relation);
  return false;
}

function describe(attached: number, results: readonly Synced[]): string[] {
  if (results.length === 0) return [`${attached} attached tables are as they were configured.`];
  const lines = results.flatMap(({ table, differences, status, error, record_anew: anew }) => [
    `${table}: ${differences.map(({ text }) => text).join(", ")}${status === "synced" ? ": taken in" : ""}`,
    ...(error === undefined ? [] : [`  FAILED: ${error}`]),
    ...(anew === true ? ["  some rows have values in columns that joined after them, which are not proven yet"] : []),
  ]);
  const narrowed = results.filter(({ differences }) => differences.some(({ narrows }) => narrows)).length;
  if (narrowed > 0)
    lines.push(
      `${narrowed} of these the verifier reports as coverage_narrowed until the auditor has approved it: audit-chain policy --diff FILE`,
    );
  if (results.every(({ status }) => status === "differs")) lines.push("Nothing was changed. Run: audit-chain sync");
  return lines.map((line) => escapeText(line));
}
