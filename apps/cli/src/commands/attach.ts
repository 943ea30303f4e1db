import { CommandError, type CommandContext, escapeText, type Outcome } from "@scidex/audit-command";
import { CAPTURE_MODES, type CaptureMode } from "@scidex/audit-core";
import {
  attach,
  type AttachOptions,
  type AttachPlan,
  type Changes,
  type Fallback,
  planAttach,
} from "@scidex/audit-schema";
import { Command, Option } from "commander";
import { askForChanges, narrowingsOf } from "../sync/before-attaching.ts";
import { announceNarrowing, NARROWS } from "../text/narrowing.ts";
import { kindFor } from "../config/kinds.ts";
import { type Database, withDatabase } from "../database/database.ts";
import { drizzleOf } from "../database/drizzle.ts";
import { forEachTable, type Target } from "../for-each-table.ts";
import { attachedLines } from "../text/attached-lines.ts";
import { parseNameList } from "../text/name-list.ts";
import { SCIDEX_TABLES } from "../scidex-tables.ts";
import { tableWriters } from "../database/table-writers.ts";

interface Options {
  readonly mode?: CaptureMode;
  readonly changes?: Changes;
  readonly exclude?: string[];
  readonly key?: string[];
  readonly kind?: string | undefined;
  readonly salt?: boolean;
  readonly blindKey?: boolean;
  readonly fallback?: Fallback;
  readonly dryRun?: boolean;
  readonly scidex?: boolean;
  readonly json?: boolean;
}

const HELP = `
Options that are left out stay as they are; at first: sealed, refuse, nothing excluded, the primary key, the table's
name, fallback pending. The same command again brings the capture up to date with the table's columns. Rows that are in a table already
are chained by: audit-chain backfill TABLE

Where a table's statistics show updates or deletes, --changes must be given. What of attaching a table again narrows its
coverage (for example --changes track where changes were refused) is said before it is done: the verifier reports it as
coverage_narrowed until the auditor has approved it.

Several tables are attached one by one; when one fails the others go on, and the exit code is 3. Of more than three, a line
is printed for each, and each warning once for all that it is about. Name a single one to see its SQL with --dry-run.

Examples:
  $ audit-chain attach task_events
  $ audit-chain attach senate_alerts --changes track --dry-run
  $ audit-chain attach app.metrics --mode strict --exclude last_seen,hits --kind app_metrics
  $ audit-chain attach app.people --changes track --blind-key
  $ audit-chain attach one.customers two.customers --kind '{schema}.{table}'
  $ audit-chain attach --scidex`;

/** `audit-chain attach`: capture and guard triggers. */
export function attachCommand(context: CommandContext): Command {
  return new Command("attach")
    .description("Audits tables: from now on their rows are captured, and their changes refused or tracked.")
    .argument("[table...]", "tables, named as in SQL (with the schema where it is not on the search path)")
    .addOption(
      new Option(
        "--mode <mode>",
        "link rows after their commit by the sealer, at commit, or from the write-ahead log",
      ).choices(CAPTURE_MODES),
    )
    .addOption(
      new Option("--changes <changes>", "refuse UPDATE and DELETE, or record each as an event").choices([
        "refuse",
        "track",
      ]),
    )
    .option("--exclude <columns>", "columns that are noise, separated by commas", collect)
    .option("--key <columns>", "columns that identify a row (unique, NOT NULL), where there is no primary key", collect)
    .option(
      "--kind <name>",
      "the kind of its events, where it is not to be the table's name; {schema} and {table} stand for its own",
    )
    .option("--salt", "hash each row's payloads with random bytes before them, which go with the row")
    .option(
      "--blind-key",
      "key its events by an HMAC, for keys that are personal data; decided when it is first attached",
    )
    .addOption(
      new Option(
        "--fallback <fallback>",
        "what a strict commit does that cannot have the chain's lock: leave its rows to the sealer, or fail",
      ).choices(["pending", "fail"]),
    )
    .option("--dry-run", "print the SQL and what would go wrong; change nothing")
    .option("--scidex", "the SciDEX platform's tables, those that exist")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((tables: string[], options: Options) => run(context, tables, options)));
}

const collect = (text: string, before: string[] = []): string[] => [...before, ...parseNameList(text)];

async function run(context: CommandContext, tables: readonly string[], options: Options): Promise<Outcome | void> {
  check(tables, options);
  const use = { command: "attach", right: "the table's owner who also ran audit-chain init, or a superuser" };
  return await withDatabase(context, use, async (database) => {
    const plain: Target<Options>[] = tables.map((table) => ({ table, options }));
    const { found, missing } = options.scidex === true ? await scidex(database, options) : { found: [], missing: [] };
    const targets = [...plain, ...found];
    const isDry = options.dryRun === true;
    if (!isDry) await askForChanges(database.sql, targets);
    const narrowings = await narrowingsOf(database.sql, targets);
    if (!isDry) announceNarrowing(narrowings);
    const work = isDry ? planOne : attachOne;
    return await forEachTable(context, database, {
      targets,
      missing,
      json: options.json,
      work: async ({ table, options: chosen }) => {
        const kind = await kindOf(database, table, chosen.kind);
        const narrows = narrowings.filter((one) => one.table === table).map(({ text }) => text);
        return await work(database, table, { ...attachOptions(chosen), kind }, narrows);
      },
    });
  });
}

function check(tables: readonly string[], options: Options): void {
  if (tables.length === 0 && options.scidex !== true)
    throw new CommandError("usage", "no table was named; expected audit-chain attach TABLE, or --scidex");
  if (options.scidex === true && options.changes !== undefined)
    throw new CommandError("usage", "--changes does not go with --scidex, which knows which tables are tracked");
  if (tables.length === 1 && options.scidex !== true) return;
  for (const name of ["exclude", "key", "kind"] as const) {
    if (options[name] !== undefined && !(name === "kind" && isPattern(options.kind)))
      throw new CommandError("usage", `--${name} is for one table; attach that one in a command of its own`);
  }
}

const isPattern = (kind: string | undefined) => kind?.includes("{table}") === true;

/** A kind that may be a pattern, for one table: `{schema}.{table}` for `one.customers` is `one.customers`. */
async function kindOf({ sql }: Database, table: string, kind: string | undefined): Promise<string | undefined> {
  if (kind === undefined || !isPattern(kind)) return kind;
  const [place] = await sql<{ schema: string; name: string }[]>`
    select n.nspname::text as schema, c.relname::text as name
      from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where c.oid = pg_catalog.to_regclass(${table})`;
  // A table that is not there is attach's own error.
  if (place === undefined) return kind;
  return kindFor(kind, place);
}

const attachOptions = ({ mode, changes, exclude, key, kind, salt, blindKey, fallback }: Options): AttachOptions => ({
  mode,
  changes,
  exclude,
  key,
  kind,
  salt,
  blindKey,
  fallback,
});

async function scidex({ sql }: Database, options: Options): Promise<{ found: Target<Options>[]; missing: string[] }> {
  const names = SCIDEX_TABLES.map(({ name }) => `public.${name}`);
  const there = await sql<{ name: string }[]>`
    select n.name from pg_catalog.json_array_elements_text(${JSON.stringify(names)}::text::json) as n(name)
     where pg_catalog.to_regclass(n.name) is not null`;
  const found = new Set(there.map(({ name }) => name));
  return {
    found: SCIDEX_TABLES.filter(({ name }) => found.has(`public.${name}`)).map(({ name, changes }) => ({
      table: `public.${name}`,
      options: { ...options, changes },
    })),
    missing: names.filter((name) => !found.has(name)),
  };
}

async function attachOne(database: Database, table: string, options: AttachOptions, narrows: readonly string[]) {
  const result = await attach(drizzleOf(database), table, options);
  const [line = "", ...more] = attachedLines(result);
  return {
    result: { table, ...result, narrows },
    lines: [line, ...more, ...result.warnings.map((warning) => `  warning: ${warning}`)].map((text) =>
      escapeText(text),
    ),
    brief: { line, warnings: [...more.map((text) => text.trim()), ...result.warnings] },
  };
}

async function planOne(database: Database, table: string, options: AttachOptions, narrows: readonly string[]) {
  const plan = await planAttach(drizzleOf(database), table, options);
  const said = narrows.map((text) => `${text}: ${NARROWS}`);
  const warnings = [...said, ...plan.warnings, ...(await tableWriters(database.sql, table))];
  const result = {
    table,
    dry_run: true,
    relation: plan.relation,
    statement: plan.statement,
    capture_function: plan.captureFunction,
    narrows,
    warnings,
  };
  const counted = warnings.length === 1 ? "1 warning" : `${warnings.length === 0 ? "no" : warnings.length} warnings`;
  return {
    result,
    lines: planLines({ ...plan, warnings }),
    brief: { line: `${plan.relation} would be attached: ${counted}`, warnings },
  };
}

/** SQL that can be kept; a hostile name in it cannot write outside its line. */
function planLines({ relation, statement, captureFunction, warnings }: AttachPlan): string[] {
  return [
    `-- ${escapeText(relation)}: nothing has been changed. This would be run:`,
    statement,
    "-- It makes the table's triggers, and this body of its capture function:",
    ...captureFunction
      .trim()
      .split("\n")
      .map((line) => `--   ${escapeText(line)}`),
    ...(warnings.length === 0 ? ["-- No warnings."] : warnings.map((warning) => `-- warning: ${escapeText(warning)}`)),
  ];
}
