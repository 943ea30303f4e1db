import { type CommandContext, escapeText, EXIT, type Outcome, parseDuration, progress } from "@scidex/audit-command";
import { Command } from "commander";
import type { Sql } from "postgres";
import { type Database, withDatabase } from "../../database/database.ts";
import { partsOf } from "../../database/parts-of.ts";
import { print } from "../../text/print.ts";

const HELP = `
For a table that refuses changes; where they are tracked, rows can be deleted like any others. The age of a row counts from its
newest event, of one that was there before its table was attached, from the backfill. AGE must be at least the retention that
audit.config.json has for the table ("retention": "P400D") and audit-chain sync has recorded. Each row that is deleted becomes
an event (facts:retire), which the verifier believes as far as the retention in its policy goes. A row that is not what was
recorded stays, and is named by audit-chain verify.

It deletes in transactions of a thousand rows. Stopped in between, it goes on when it is run again.

Needs a login with scidex_audit_retention that may read the table and delete from it. Rows are deleted one by one: where whole
partitions are old enough, dropping them is faster, and needs nothing but the policy.

Example:
  $ audit-chain retire task_events --before 400d`;

interface Options {
  readonly before: string;
  readonly json?: boolean;
}

/** What has been done so far. */
interface Retired {
  retired: number;
  different: number;
}

/** `audit-chain retire`: deletes what has passed its table's retention. */
export function retireCommand(context: CommandContext): Command {
  return new Command("retire")
    .description("Deletes rows of a table that refuses changes, once they have passed its retention; each is an event.")
    .argument("<table>", "the table, or a partition of it, named as in SQL")
    .requiredOption("--before <age>", "how old rows must be, at least the table's retention")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((table: string, options: Options) => run(context, table, options)));
}

async function run(context: CommandContext, table: string, { before, json }: Options): Promise<Outcome | void> {
  const ms = parseDuration(before);
  const use = { command: "retire", right: "a member of scidex_audit_retention who may delete from the table" };
  const { retired, different } = await withDatabase(context, use, (database) =>
    retireAll(context, database, table, ms),
  );
  await print(json, { table, retired, different }, () => [
    escapeText(`${table}: ${rows(retired)} deleted, each recorded as retired`),
    ...(different === 0
      ? []
      : [`  ${rows(different)} of that age not what was recorded, and still there; run: audit-chain verify`]),
  ]);
  return different === 0 ? undefined : { exit: EXIT.failed };
}

const rows = (count: number): string => `${count} ${count === 1 ? "row is" : "rows are"}`;

async function retireAll({ signal }: CommandContext, { sql }: Database, table: string, ms: number): Promise<Retired> {
  const done: Retired = { retired: 0, different: 0 };
  const shown = progress({ label: "retire" });
  try {
    for (const part of await partsOf(sql, table)) {
      let next: string | null = "(0,0)";
      while (next !== null) {
        signal.throwIfAborted();
        next = await retireSome(sql, part, { ms, after: next }, done);
        shown.update(done.retired);
      }
    }
  } finally {
    shown.done();
  }
  return done;
}

async function retireSome(
  sql: Sql,
  part: string,
  { ms, after }: { readonly ms: number; readonly after: string },
  done: Retired,
): Promise<string | null> {
  const [row] = await sql<{ retired: number; different: number; next: string | null }[]>`
    select r.retired, r.different, r.next::pg_catalog.text
      from public.audit_chain_retire(${part}::pg_catalog.oid::pg_catalog.regclass, ${`${ms} milliseconds`}::pg_catalog.text::pg_catalog.interval,
                                     1000, ${after}::pg_catalog.text::pg_catalog.tid) as r`;
  done.retired += row?.retired ?? 0;
  done.different += row?.different ?? 0;
  return row?.next ?? null;
}
