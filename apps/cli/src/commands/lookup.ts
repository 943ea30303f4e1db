import { type CommandContext, escapeText, EXIT, type Outcome } from "@scidex/audit-command";
import { payloadHash, toHex } from "@scidex/audit-core";
import { Command } from "commander";
import type { Sql } from "postgres";
import { withDatabase } from "../database.ts";
import { readPayload } from "../payload-file.ts";
import { print } from "../print.ts";
import { textTable } from "../text-table.ts";

interface Options {
  readonly kind: string;
  readonly pk: string;
  readonly payload?: string;
  readonly json?: boolean;
}

interface LinkRow {
  readonly seq: number;
  readonly event_kind: string;
  readonly event_pk: string;
  readonly payload_hash: string;
  readonly event_hash: string;
  readonly prev_hash: string;
  readonly chain_hash: string;
  readonly appended_at: string;
}

const HELP = `
For a tracked table the links of the row's changes are shown too, oldest first. A payload is compared with the newest
link. What a table's row hashes to is a flat JSON object of its columns' texts, for example {"id":"42","done":"t"}.
This reads the database and believes it; audit-chain verify does not.

Exit code with --payload: 0 it is what was recorded, 1 it is not, 3 nothing is recorded under this key.

Examples:
  $ audit-chain lookup --kind task_events --pk 42
  $ audit-chain lookup --kind model_release --pk 2026-11-r3 --payload release.json`;

/** `audit-chain lookup`: an event's links, and whether a payload is what was recorded. */
export function lookupCommand(context: CommandContext): Command {
  return new Command("lookup")
    .description("Shows an event's links; with a payload, whether it is what was recorded.")
    .requiredOption("--kind <kind>", "the event's kind, for example the table's name")
    .requiredOption("--pk <key>", "its key; of a composite key the JSON array of its texts")
    .option("--payload <file>", "a JSON file to compare, or - for standard input")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((options: Options) => run(context, options)));
}

async function run(context: CommandContext, { kind, pk, payload, json }: Options): Promise<Outcome | void> {
  const hash = payload === undefined ? undefined : toHex(payloadHash(await readPayload(payload)));
  const use = { command: "lookup", right: "a member of scidex_audit_ro or scidex_audit_inspector" };
  return await withDatabase(context, use, async ({ sql }) => {
    const links = await readLinks(sql, kind, pk);
    const newest = links.at(-1);
    const match = hash === undefined || newest === undefined ? undefined : newest.payload_hash === hash;
    const result = {
      event_kind: kind,
      event_pk: pk,
      links,
      ...(hash === undefined ? {} : { payload_hash: hash, match: match ?? null }),
    };
    await print(json, result, () => [
      ...(links.length === 0
        ? [escapeText(`no event ${kind} ${pk} is in the chain`)]
        : textTable([
            ["SEQ", "KIND", "KEY", "APPENDED AT", "PAYLOAD HASH"],
            ...links.map((l) => [String(l.seq), l.event_kind, l.event_pk, l.appended_at, l.payload_hash]),
          ])),
      ...(match === undefined
        ? []
        : [match ? "the payload is what was recorded" : `the payload is NOT what was recorded: its hash is ${hash}`]),
    ]);
    if (hash === undefined || match === true) return undefined;
    return { exit: match === false ? EXIT.tampered : EXIT.failed };
  });
}

/** The event's own link, and those of its changes: kind `KIND:update`, say, and key `KEY@` with the change's own seq. */
async function readLinks(sql: Sql, kind: string, pk: string): Promise<LinkRow[]> {
  const kinds = JSON.stringify(["insert", "update", "delete"].map((change) => `${kind}:${change}`));
  const rows = await sql<(Omit<LinkRow, "seq"> & { seq: string })[]>`
    select c.seq, c.event_kind, c.event_pk, pg_catalog.encode(c.payload_hash, 'hex') as payload_hash,
           pg_catalog.encode(c.event_hash, 'hex') as event_hash, pg_catalog.encode(c.prev_hash, 'hex') as prev_hash,
           pg_catalog.encode(c.chain_hash, 'hex') as chain_hash,
           pg_catalog.to_char(c.appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as appended_at
      from public.audit_chain as c
     where c.event_kind = ${kind} and c.event_pk = ${pk}
        or c.event_kind in (select k from pg_catalog.json_array_elements_text(${kinds}::json) as k)
           and c.event_pk > ${`${pk}@`} and c.event_pk < ${`${pk}A`}
           and c.event_pk = pg_catalog.concat(${pk}::text, '@', c.seq)
     order by c.seq`;
  return rows.map(({ seq, ...rest }) => ({ seq: Number(seq), ...rest }));
}
