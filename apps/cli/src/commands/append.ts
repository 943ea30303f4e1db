import { type CommandContext, escapeText } from "@scidex/audit-command";
import { payloadHash, toHex } from "@scidex/audit-core";
import { Command } from "commander";
import { withDatabase } from "../database.ts";
import { readPayload } from "../payload-file.ts";
import { print } from "../print.ts";

interface Options {
  readonly kind: string;
  readonly pk: string;
  readonly payload?: string;
  readonly json?: boolean;
}

const HELP = `
The payload is a JSON value; only its SHA-256 (of its canonical form, RFC 8785) is recorded, so keep the file. An event
without a payload is recorded with that of the empty object, {}. The same event again returns the link that is there;
with another payload it is refused.

Examples:
  $ audit-chain append --kind model_release --pk 2026-11-r3 --payload release.json
  $ echo '{"by":"ops"}' | audit-chain append --kind deploy --pk 4711 --payload - --json`;

/** `audit-chain append`: one event without a table. */
export function appendCommand(context: CommandContext): Command {
  return new Command("append")
    .description("Records one event that has no table.")
    .requiredOption("--kind <kind>", "what kind of event it is (at most 200 bytes)")
    .requiredOption("--pk <key>", "its key, unique within its kind (at most 2000 bytes)")
    .option("--payload <file>", "a JSON file, or - for standard input")
    .option("--json", "print the link as JSON")
    .addHelpText("after", HELP)
    .action(context.run((options: Options) => run(context, options)));
}

async function run(context: CommandContext, { kind, pk, payload, json }: Options): Promise<void> {
  const hash = payloadHash(payload === undefined ? {} : await readPayload(payload));
  const use = { command: "append", right: "a member of scidex_audit_writer" };
  await withDatabase(context, use, async ({ sql }) => {
    const [link] = await sql<{ seq: string; event_hash: string; chain_hash: string; appended_at: string }[]>`
      select seq, pg_catalog.encode(event_hash, 'hex') as event_hash, pg_catalog.encode(chain_hash, 'hex') as chain_hash,
             pg_catalog.to_char(appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as appended_at
        from public.audit_chain_append(${kind}, ${pk}, ${Buffer.from(hash)}::bytea)`;
    if (link === undefined) throw new Error("the append door returned no link");
    const result = {
      seq: Number(link.seq),
      event_kind: kind,
      event_pk: pk,
      payload_hash: toHex(hash),
      event_hash: link.event_hash,
      chain_hash: link.chain_hash,
      appended_at: link.appended_at,
    };
    await print(json, result, () => [
      escapeText(`${kind} ${pk} is link ${link.seq}, appended at ${link.appended_at}`),
      `  payload hash  ${result.payload_hash}`,
      `  chain hash    ${result.chain_hash}`,
    ]);
  });
}
