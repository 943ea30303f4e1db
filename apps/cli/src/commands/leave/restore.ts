import { type CommandContext, escapeText } from "@scidex/audit-command";
import { Command } from "commander";
import type { Sql } from "postgres";
import { withDatabase } from "../../database/database.ts";
import { readRow } from "../../payload-file.ts";
import { print } from "../../text/print.ts";

const HELP = `
For a row that verify calls source_edited or source_deleted, and of which there is a backup. The row is inserted, or the one that
is there updated, and stays so only if it then hashes to what the chain has recorded of it last: the chain keeps no values, and
so cannot give any back. That is an event (orders:restore), which audit-chain lookup shows and the verifier counts. A row that
is what was recorded is left alone. One that was deleted, retired or erased lawfully stays away.

KEY is the row's key as text, of several columns a JSON array of their texts. FILE holds the row as a JSON object of its columns,
as row_to_json writes it or as texts, {"id":"42","done":"t"}; a name that no column has any more is that of the column which was
recorded under it. Covered columns that it lacks are NULL, or what older rows have in them; excluded ones stay as they are, and
of a row that was gone are taken from it; generated ones are passed over.

Needs a login with scidex_audit_retention that may read and write the table. The table's own triggers run. --dry-run does all of
it in a transaction that is rolled back.

Examples:
  $ audit-chain restore orders 42 --row order-42.json --dry-run
  $ psql backup -Atc "select row_to_json(o) from orders o where id = 42" | audit-chain restore orders 42 --row -`;

interface Options {
  readonly row: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `audit-chain restore`: puts a row back that was changed or deleted past its trigger. */
export function restoreCommand(context: CommandContext): Command {
  return new Command("restore")
    .description("Puts a row back that was changed or deleted past its trigger, if it is what was recorded.")
    .argument("<table>", "the table, named as in SQL")
    .argument("<key>", "the row's key")
    .requiredOption("--row <file>", "the row as it was, a JSON object; - for standard input")
    .option("--dry-run", "say whether it would be put back, and change nothing")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((table: string, key: string, options: Options) => run(context, table, key, options)));
}

async function run(context: CommandContext, table: string, key: string, { row, dryRun = false, json }: Options) {
  const brought = await readRow(row);
  const use = { command: "restore", right: "a member of scidex_audit_retention who may read and write the table" };
  await withDatabase(context, use, async ({ sql }) => {
    const { kind, seq, payload_hash: hash, before_hash: before } = await restore(sql, { table, key, brought, dryRun });
    const result = { kind, pk: key, seq: Number(seq), payload_hash: hash, before_hash: before, dry_run: dryRun };
    await print(json, result, () => [
      escapeText(`${kind} ${key}: ${dryRun ? "can be" : "is"} put back, as it was recorded at seq ${seq}`),
      `  it hashes to ${hash}; ${before === null ? "there was no row" : `the row that was there to ${before}`}`,
      ...(dryRun
        ? ["  nothing was changed"]
        : [`  the event ${escapeText(kind)}:restore says so; see audit-chain lookup`]),
    ]);
  });
}

interface Restored {
  readonly kind: string;
  readonly seq: string;
  readonly payload_hash: string;
  readonly before_hash: string | null;
}

interface Wanted {
  readonly table: string;
  readonly key: string;
  readonly brought: string;
  readonly dryRun: boolean;
}

async function restore(sql: Sql, { table, key, brought, dryRun }: Wanted): Promise<Restored> {
  let restored: Restored | undefined;
  try {
    await sql.begin(async (tx) => {
      // The texts are those of capture.
      await tx.unsafe(
        "set local timezone = 'UTC'; set local datestyle = 'ISO'; set local intervalstyle = 'postgres'; set local lc_monetary = 'C'",
      );
      const [row] = await tx<Restored[]>`
        select r.kind, r.seq::pg_catalog.text, pg_catalog.encode(r.payload_hash, 'hex') as payload_hash,
               pg_catalog.encode(r.before_hash, 'hex') as before_hash
          from public.audit_chain_restore(${table}::pg_catalog.text::pg_catalog.regclass, ${key}, ${brought}::pg_catalog.text::pg_catalog.json) as r`;
      restored = row;
      if (dryRun) throw new RolledBack();
    });
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
  }
  if (restored === undefined) throw new Error("the door has returned nothing");
  return restored;
}

/** What ends a transaction that was only to be tried. */
class RolledBack extends Error {}
