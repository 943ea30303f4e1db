import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { type CommandContext, CommandError, escapeText, EXIT, type Outcome } from "@scidex/audit-command";
import { formatSeconds, type ProvenEvent, toHex } from "@scidex/audit-core";
import { answerProof } from "@scidex/audit-report";
import { retiredKeyForm } from "@scidex/audit-verifier";
import { Command } from "commander";
import { readPayloadReadings } from "../payload-file.ts";
import { parseSalt } from "../proof/argv.ts";
import { readTrust } from "../proof/trust.ts";
import { print } from "../text/print.ts";

interface Options {
  readonly kind: string;
  readonly pk: string;
  readonly payload?: string;
  readonly salt?: Uint8Array;
  readonly json?: boolean;
}

const HELP = `
Needs the log's two verifier keys (AUDIT_VERIFIER_KEYS), and neither a database nor a network. Kind and key must be those
that are expected: a proof of another event is refused. Where AUDIT_TRUST_POLICY names a C2SP tlog-policy, its quorum must
have cosigned the checkpoint; where AUDIT_POLICY has retired_keys, none of them may have signed one behind its last head. A
change of a tracked row has the kind "orders:update" and the key "42@1042"; a blinded key is its hex.

The proof shows what was recorded, and when; not that it is so still. What a table's row hashes to is a flat JSON object
of its columns' texts, for example {"id":"42","done":"t"}. A row as JSON, {"id":42,"done":true}, is put into these
texts first, and the answer says how it was read. Where the table's payloads are salted, no payload is what was recorded
without the row's salt, which audit-chain lookup shows. A page that checks the same, for people without this program, is
written by audit-chain prove --page.

Exit codes: 0 the proof holds, and a payload is what was recorded; 1 the proof holds, and the payload is not what was
recorded; 3 the proof is refused.

Examples:
  $ audit-chain verify-proof orders-42.tlog-proof --kind orders --pk 42
  $ audit-chain verify-proof orders-42.tlog-proof --kind orders --pk 42 --payload row.json`;

/** `audit-chain verify-proof`: whether a proof holds, without a database. */
export function verifyProofCommand(context: CommandContext): Command {
  return new Command("verify-proof")
    .description("Checks the proof of an event without a database; with a payload, whether it is what was recorded.")
    .argument("<file>", "the tlog-proof, or - for standard input")
    .requiredOption("--kind <kind>", "the kind that the event must have")
    .requiredOption("--pk <key>", "the key that it must have")
    .option("--payload <file>", "a JSON file to compare, or - for standard input")
    .option("--salt <hex>", "the salt of the row, where its table's payloads are salted: 16 bytes", parseSalt)
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((file: string, options: Options) => run(file, options)));
}

async function run(file: string, { kind, pk, payload, salt, json }: Options): Promise<Outcome> {
  if (salt !== undefined && payload === undefined)
    throw new CommandError("usage", "--salt is for a payload: give --payload too");
  const trust = await readTrust();
  const readings = payload === undefined ? undefined : await readPayloadReadings(payload);
  const text = await readProof(file);
  const answer = answerProof({ proof: text, trust, kind, pk, readings, salt });
  if (answer.verdict === "refused") throw new CommandError("failed", answer.lines[0], { cause: answer.cause });
  const { verdict, lines, proven, readAs } = answer;
  await print(json, { ...resultOf(proven), ...(readings && { verdict, read_as: readAs }) }, () =>
    lines.map(escapeText),
  );
  return { exit: verdict === "different" ? EXIT.tampered : EXIT.ok };
}

async function readProof(file: string): Promise<string> {
  try {
    return file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError("usage", `the proof cannot be read: ${why}`, { cause });
  }
}

const resultOf = ({ leaf, size, root, origin, signedTime, witnessed, retiredKey }: ProvenEvent): object => ({
  seq: Number(leaf.seq),
  event_kind: leaf.eventKind,
  event_pk: leaf.eventPk,
  appended_at: leaf.appendedAt,
  payload_hash: toHex(leaf.payloadHash),
  before_hash: leaf.beforeHash === null ? null : toHex(leaf.beforeHash),
  chain_hash: toHex(leaf.chainHash),
  origin,
  size: Number(size),
  root: toHex(root),
  signed_at: formatSeconds(signedTime),
  retired_key: retiredKey && retiredKeyForm(retiredKey),
  quorum: witnessed?.quorum ?? null,
  cosigned_by: witnessed?.cosigned.map(({ witness }) => witness.name) ?? null,
});
