import { type CommandContext, escapeText } from "@scidex/audit-command";
import { payloadHash, toHex } from "@scidex/audit-core";
import { append } from "@scidex/audit-writer";
import { Command } from "commander";
import { withDatabase } from "../database/database.ts";
import { drizzleOf } from "../database/drizzle.ts";
import { readPayload } from "../payload-file.ts";
import { print } from "../text/print.ts";

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

async function run(context: CommandContext, { kind, pk, payload: file, json }: Options): Promise<void> {
  const payload = file === undefined ? {} : await readPayload(file);
  const use = { command: "append", right: "a member of scidex_audit_writer" };
  await withDatabase(context, use, async ({ sql }) => {
    const { seq, eventHash, chainHash, appendedAt } = await append(drizzleOf({ sql }), { kind, pk, payload });
    const result = {
      seq: Number(seq),
      event_kind: kind,
      event_pk: pk,
      payload_hash: toHex(payloadHash(payload)),
      event_hash: eventHash,
      chain_hash: chainHash,
      appended_at: appendedAt,
    };
    await print(json, result, () => [
      escapeText(`${kind} ${pk} is link ${seq}, appended at ${appendedAt}`),
      `  payload hash  ${result.payload_hash}`,
      `  chain hash    ${chainHash}`,
    ]);
  });
}
