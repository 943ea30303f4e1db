import {
  CoreError,
  formatEventProof,
  inclusionRanges,
  type ProofTrust,
  type ProvenEvent,
  type Seq,
  verifyProof,
} from "@scidex/audit-core";
import { type HeadLog, newestHeadBefore, VerifierError } from "@scidex/audit-reader";
import type { TreeFiles } from "@scidex/audit-sinks";
import type { Sql } from "postgres";
import { type EventName, lookup } from "../lookup.ts";
import { orNot, type Shown, shownCheckpoint } from "./shown-checkpoint.ts";
import { type Entry, entryAt, findEntry, leafOf, rootsFromFiles } from "./tree-entries.ts";
import { treeFromChain } from "./tree-from-chain.ts";

/**
 * Where an event and the tree around it are read: from the files of a tree alone, or from the database with the sinks. Of
 * sinks that keep the tree, it is read there, which takes a dozen files; else all links are.
 */
export type ProofSource = { readonly files: TreeFiles } | { readonly sql: Sql; readonly heads: readonly HeadLog[] };

/** A proof, and what it shows. */
export interface EventProof extends ProvenEvent {
  /** The tlog-proof. */
  readonly text: string;
}

/**
 * Makes the proof of an event: that it was recorded, and when, to be checked with `verifyProof` and without a database.
 * Nothing that is read is believed: what is returned has been verified against the keys.
 *
 * @param event a change of a tracked row has a kind with its role, and a key with its seq. `seq` may be given where it is
 *   known: files alone are else searched from the newest on
 * @throws {VerifierError} `not_provable`
 * @throws {SinkError} where a file cannot be read
 */
export async function proveEvent(
  source: ProofSource,
  trust: ProofTrust,
  event: EventName & { readonly seq?: Seq | undefined },
): Promise<EventProof> {
  return "files" in source
    ? await proveFromFiles(source.files, await shownCheckpoint(source.files, trust), trust, event)
    : await proveFromChain(source, trust, event);
}

async function proveFromFiles(
  files: TreeFiles,
  shown: Shown,
  trust: ProofTrust,
  { kind, pk, seq }: EventName & { readonly seq?: Seq | undefined },
): Promise<EventProof> {
  const { size } = shown;
  const found = seq === undefined ? await findEntry(files, size, { kind, pk }) : await entryAt(files, size, seq);
  if (found === undefined)
    throw new VerifierError(
      "not_provable",
      seq === undefined
        ? `There is no event ${JSON.stringify(kind)} ${JSON.stringify(pk)} among the ${size} that were published.`
        : `There are ${size} published events, and none of them has the seq ${seq}.`,
    );
  return await proveEntry(files, shown, trust, found, { kind, pk });
}

/**
 * The proof of a published link, whatever event that is of, from the files of a tree. Nothing that is read is believed.
 *
 * @throws {VerifierError} `not_provable`
 * @throws {SinkError} where a file cannot be read
 */
export async function proveLink(files: TreeFiles, shown: Shown, trust: ProofTrust, seq: Seq): Promise<EventProof> {
  const found = await entryAt(files, shown.size, seq);
  const leaf = found === undefined ? null : leafOf(Buffer.from(found.leaf));
  if (found === undefined || leaf === null)
    throw new VerifierError("not_provable", `The tree of ${shown.size} links has no link ${seq} that can be read.`);
  return await proveEntry(files, shown, trust, found, { kind: leaf.eventKind, pk: leaf.eventPk });
}

async function proveEntry(
  files: TreeFiles,
  { size, note }: Shown,
  trust: ProofTrust,
  { seq, leaf }: Entry,
  event: EventName,
): Promise<EventProof> {
  const hashes = await rootsFromFiles(files, inclusionRanges(seq - 1n, size), size);
  return checked(formatEventProof({ leaf, seq, hashes, checkpoint: note }), trust, event);
}

async function proveFromChain(
  { sql, heads }: { readonly sql: Sql; readonly heads: readonly HeadLog[] },
  trust: ProofTrust,
  { kind, pk, seq }: EventName & { readonly seq?: Seq | undefined },
): Promise<EventProof> {
  const links = (await lookup(sql, { kind, pk })).filter((link) => link.eventKind === kind);
  const link = links.find((one) => seq === undefined || one.seq === seq);
  if (link === undefined)
    throw new VerifierError("not_provable", `No event ${JSON.stringify(kind)} ${JSON.stringify(pk)} is in the chain.`);
  // A blinded key is proven as it was recorded.
  const event = { kind, pk: link.eventPk };
  const head = await newestHeadBefore(heads, trust, FOREVER);
  if (head === undefined)
    throw new VerifierError("not_provable", "No sink holds a head of this log whose signatures hold.");
  if (head.seq < link.seq)
    throw new VerifierError(
      "not_provable",
      `The event is link ${link.seq}, and only ${head.seq} have been published: publish first (audit-publisher publish).`,
    );
  const files = (await treeWith(link.seq, heads, trust)) ?? (await treeFromChain(sql, head, [link.seq]));
  return await proveFromFiles(files, await shownCheckpoint(files, trust), trust, { ...event, seq: link.seq });
}

/** Later than any signed time. */
const FOREVER = 2n ** 63n;

/** The first sink's tree that has a link, and a checkpoint that can be believed; undefined where none has. */
async function treeWith(seq: Seq, heads: readonly HeadLog[], trust: ProofTrust): Promise<TreeFiles | undefined> {
  for (const { files } of heads) {
    const shown = files && (await shownCheckpoint(files, trust).catch(passUnprovable));
    if (shown !== undefined && shown.size >= seq) return files;
  }
  return undefined;
}

/** A tree that cannot be believed is passed over, where there are other ways. */
function passUnprovable(error: unknown): undefined {
  if (error instanceof VerifierError && error.code === "not_provable") return undefined;
  throw error;
}

function checked(text: string, trust: ProofTrust, event: EventName): EventProof {
  try {
    return { ...verifyProof(text, trust, event), text };
  } catch (cause) {
    // The checkpoint is what was signed, and is not enough by what the policies ask for.
    const isLacking = cause instanceof CoreError && LACKING.has(cause.code);
    return orNot(isLacking ? "its checkpoint lacks what is asked for" : WRONG, () => {
      throw cause;
    });
  }
}

const LACKING: ReadonlySet<string> = new Set(["witness_missing", "retired_key"]);
const WRONG = "what was read is not what was signed (audit-verify says more)";
