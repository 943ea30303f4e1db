import {
  CommandError,
  type CommandContext,
  escapeText,
  EXIT,
  type Outcome,
  replaceFile,
  writeOut,
} from "@scidex/audit-command";
import { formatSeconds, type ProofTrust, type Seq, sha256, toHex } from "@scidex/audit-core";
import { proofPage, recordedLine } from "@scidex/audit-report";
import { openSink, SinkError } from "@scidex/audit-sinks";
import { type EventProof, proveEvent, VerifierError } from "@scidex/audit-verifier";
import { Command } from "commander";
import { withDatabase } from "../database/database.ts";
import { parseSeq } from "../proof/argv.ts";
import { proveAll } from "../proof/prove-all.ts";
import { openTree } from "../proof/open-tree.ts";
import { readTrust } from "../proof/trust.ts";
import { sinkAddresses } from "../status/sink-addresses.ts";
import { SINK_TIMEOUT_MS } from "../status/sink-heads.ts";
import { print } from "../text/print.ts";

interface Options {
  readonly all?: boolean;
  readonly kind?: string;
  readonly pk?: string;
  readonly seq?: Seq;
  readonly from?: string;
  readonly out?: string;
  readonly page?: string;
  readonly json?: boolean;
}

const HELP = `
The proof is a C2SP tlog-proof, with the event's leaf as its extra data. It shows that the event was recorded, and when,
to whoever has the log's two verifier keys; audit-chain verify-proof checks it. It says nothing of later changes: each
change of a tracked row is an event of its own (kind "orders:update", key "42@1042"; audit-chain lookup lists them).

The event is read from the database, the signed head from AUDIT_SINKS, and the tree from a tiles: or s3: sink among them
(a dozen files), else from all links. With --from nothing but the tree's files is read; an event whose --seq is not given
is searched in them from the newest on. What is printed has been verified against AUDIT_VERIFIER_KEYS.

With --all the folder has every leaf and every published head, and no row: whoever gets it derives each link, root and
signature anew with audit-verify --bundle, without a database. The folder of a tiles: sink is such a bundle already, and so is
the prefix of an s3: sink.

With --page, a page is written that checks such proofs by drag and drop, in a browser, offline and with the code of
verify-proof: for people without this program. It is always the same page; it asks for the keys.

Examples:
  $ audit-chain prove --kind orders --pk 42 --out orders-42.tlog-proof
  $ audit-chain prove --all --out audit-2026
  $ audit-chain prove --page check-a-proof.html
  $ audit-chain prove --kind orders --pk 42 --seq 17 --from tiles:/srv/log > orders-42.tlog-proof`;

/** `audit-chain prove`: the proof of an event, for somebody without the database. */
export function proveCommand(context: CommandContext): Command {
  return new Command("prove")
    .description("Makes the proof of an event, to be checked without a database.")
    .option("--kind <kind>", "the event's kind, for example the table's name")
    .option("--pk <key>", "its key; of a composite key the JSON array of its texts")
    .option("--all", "not one event, but all that was published: a folder for audit-verify --bundle")
    .option("--seq <n>", "its seq, where it is known", parseSeq)
    .option("--from <sink>", "a tiles: or s3: sink to read it all from, without the database")
    .option("--out <file>", "where the proof is written (default: standard output); with --all the folder")
    .option("--page <file>", "where to write a page that checks proofs in a browser")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((options: Options) => run(context, options)));
}

async function run(context: CommandContext, options: Options): Promise<Outcome | void> {
  const { out, json, page } = options;
  if (page !== undefined) {
    const written = await writePage(page);
    if (options.all !== true && options.kind === undefined && options.pk === undefined)
      return await print(json, written, () => [
        `The page that checks proofs is in ${page}. Its SHA-256 is ${written.sha256}.`,
      ]);
  }
  if (options.all === true) return await runAll(context, options);
  const event = eventOf(options);
  const trust = await readTrust();
  const proof = await unlessUnprovable(async () =>
    options.from === undefined
      ? await fromDatabase(context, trust, event)
      : await fromFiles(context, trust, options.from, event),
  );
  if (out !== undefined) await replaceFile("--out", out, proof.text);
  else if (json !== true) return await writeOut(proof.text);
  await print(json, { ...resultOf(proof), ...(out === undefined ? { proof: proof.text } : { out }) }, () => [
    escapeText(recordedLine(proof)),
    `The proof is in ${out ?? ""}.`,
  ]);
}

/** The event that is asked about. */
type Named = { readonly kind: string; readonly pk: string; readonly seq?: Seq | undefined };

function eventOf({ kind, pk, seq }: Options): Named {
  if (kind === undefined || pk === undefined)
    throw new CommandError("usage", "which event? Say --kind and --pk, or --all for everything that was published");
  return { kind, pk, seq };
}

/** The page is the same for everybody, so that its hash can be compared with one from elsewhere. */
async function writePage(file: string): Promise<{ readonly page: string; readonly sha256: string }> {
  const html = proofPage();
  await replaceFile("--page", file, html);
  return { page: file, sha256: toHex(sha256(html)) };
}

async function runAll(context: CommandContext, { kind, pk, seq, from, out, json }: Options): Promise<Outcome | void> {
  if (out === undefined) throw new CommandError("usage", "--all wants --out DIR, a new folder");
  if ([kind, pk, seq, from].some((option) => option !== undefined))
    throw new CommandError(
      "usage",
      "--all takes everything that was published: leave --kind, --pk, --seq and --from out",
    );
  const { links, heads, findings } = await unlessUnprovable(
    async () => await proveAll(context, await readTrust(), out),
  );
  await print(json, { out, links: Number(links), heads, findings }, () => [
    `${links} links and ${heads} heads are in ${out}. Check them with: audit-verify --bundle ${out}`,
    ...findings.map((finding) => `finding: ${escapeText(finding)}`),
  ]);
  if (findings.length > 0) return { exit: EXIT.failed };
}

async function fromDatabase(context: CommandContext, trust: ProofTrust, event: Named): Promise<EventProof> {
  const addresses = sinkAddresses();
  if (addresses.length === 0)
    throw new CommandError("configuration", "AUDIT_SINKS is not set: a proof needs a published head");
  const heads = addresses.map((address) => openSink(address, { timeoutMs: SINK_TIMEOUT_MS, signal: context.signal }));
  const use = { command: "prove", right: "a member of scidex_audit_ro or scidex_audit_inspector" };
  try {
    return await withDatabase(context, use, async ({ sql }) => await proveEvent({ sql, heads }, trust, event));
  } finally {
    await Promise.all(heads.map(async (sink) => await sink.close()));
  }
}

async function fromFiles(
  { signal }: CommandContext,
  trust: ProofTrust,
  url: string,
  event: Named,
): Promise<EventProof> {
  const sink = openTree(url, signal);
  try {
    return await proveEvent({ files: sink.files }, trust, event);
  } finally {
    await sink.close();
  }
}

async function unlessUnprovable<T>(prove: () => Promise<T>): Promise<T> {
  try {
    return await prove();
  } catch (cause) {
    if (cause instanceof SinkError || (cause instanceof VerifierError && cause.code === "not_provable"))
      throw new CommandError("failed", cause.message, { cause });
    throw cause;
  }
}

const resultOf = ({ leaf, size, origin, signedTime }: EventProof): object => ({
  seq: Number(leaf.seq),
  event_kind: leaf.eventKind,
  event_pk: leaf.eventPk,
  appended_at: leaf.appendedAt,
  origin,
  size: Number(size),
  signed_at: formatSeconds(signedTime),
});
