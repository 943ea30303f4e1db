import {
  CommandError,
  configFile,
  type CommandContext,
  connect,
  databaseUrl,
  escapeText,
  packageVersion,
  type Progress,
  progress,
  ONLY,
  useConfig,
  writeOut,
} from "@scidex/audit-command";
import { jsonText } from "@scidex/audit-core";
import { Command } from "commander";
import { backfill } from "./backfill.ts";
import { BackfillError, type BackfillErrorCode } from "./errors.ts";
import { BACKFILL_DEFAULTS, type BackfillResult, type TableProgress, type TableResult } from "./options.ts";

interface Flags {
  readonly orderBy?: string;
  readonly batch: number;
  readonly dryRun?: true;
  readonly readmit?: true;
  readonly json?: true;
}

const HELP = `
Environment: AUDIT_DATABASE_URL, else DATABASE_URL, else what audit.config.json says (AUDIT_CONFIG, or in the current folder).

It can be stopped and repeated at any moment, and run beside writers and other backfills.

Exit code: 0 done, 2 wrong usage or configuration, 3 could not do it.

Examples:
  $ audit-backfill
  $ audit-backfill public.task_events --order-by created_at
  $ audit-backfill --dry-run --json`;

/** The `audit-backfill` command. */
export function backfillCommand(context: CommandContext): Command {
  return new Command("audit-backfill")
    .version(packageVersion(import.meta.url))
    .description("Chains the rows that were in a table before it was attached, oldest first.")
    .argument("[table...]", "tables as SQL writes their names; default: every attached table that is not complete")
    .option("--order-by <column>", "the column that says how old a row is; default: the key")
    .option("--batch <rows>", "rows in one transaction", parseBatch, BACKFILL_DEFAULTS.batch)
    .option("--dry-run", "only count")
    .option("--readmit", "chain rows of complete tables too; this is recorded, and audit-verify reports it")
    .option(...ONLY)
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .hook(
      "preAction",
      async (_, command) => void (await useConfig(context, command, { named: configFile(), isEach: false })),
    )
    .action(context.run(async (tables: string[], flags: Flags) => await run(context.signal, tables, flags)));
}

async function run(signal: AbortSignal, tables: readonly string[], flags: Flags): Promise<void> {
  const sql = await connect(databaseUrl(), { applicationName: "audit-backfill", max: 1, isFinding: true });
  const lines = new ProgressLines();
  try {
    const result = await backfill(sql, {
      tables,
      orderBy: flags.orderBy,
      batch: flags.batch,
      dryRun: flags.dryRun,
      readmit: flags.readmit,
      signal,
      onProgress: (at) => lines.update(at),
    });
    lines.done();
    await writeOut(flags.json ? `${jsonText(jsonResult(result, flags))}\n` : text(result, flags));
  } catch (error) {
    throw error instanceof BackfillError && USAGE.has(error.code)
      ? new CommandError("usage", error.message, { cause: error })
      : error;
  } finally {
    lines.done();
    await sql.end({ timeout: 1 });
  }
}

/** What the one who typed the command can mend by typing something else. */
const USAGE: ReadonlySet<BackfillErrorCode> = new Set(["unknown_table", "unknown_column", "not_attached"]);

function parseBatch(value: string): number {
  if (/^[1-9]\d{0,5}$/.test(value) && Number(value) <= 100_000) return Number(value);
  throw new CommandError("usage", `--batch is "${value}"; expected a number of rows from 1 to 100000`);
}

/** A line for each table in turn. */
class ProgressLines {
  #table: string | undefined;
  #line: Progress | undefined;

  update({ table, added, total }: TableProgress): void {
    if (this.#table !== table) {
      this.done();
      this.#table = table;
      this.#line = progress({ label: `backfill ${table}`, total });
    }
    this.#line?.update(added);
  }

  done(): void {
    this.#line?.done();
  }
}

function jsonResult({ tables }: BackfillResult, flags: Flags): unknown {
  return {
    dry_run: flags.dryRun === true,
    rows: sum(tables, "rows"),
    unchained: sum(tables, "unchained"),
    added: sum(tables, "added"),
    tables,
  };
}

const sum = (tables: readonly TableResult[], member: "rows" | "unchained" | "added") =>
  tables.reduce((total, table) => total + table[member], 0);

function text({ tables }: BackfillResult, flags: Flags): string {
  if (tables.length === 0) return "nothing to do: every attached table is complete\n";
  return tables.map((table) => `${escapeText(table.table)}: ${sentence(table, flags)}\n`).join("");
}

function sentence(table: TableResult, flags: Flags): string {
  const rows = table.rows.toLocaleString("en");
  const state = table.complete ? "complete" : "not complete yet";
  if (flags.dryRun) return `${table.unchained.toLocaleString("en")} of ${rows} rows to be chained; ${state}`;
  return `${table.added.toLocaleString("en")} rows chained, of ${rows}; ${state}`;
}
