import { eventHash, sha256 } from "@scidex/audit-core";
import { leafOf } from "../prove/tree-entries.ts";

/** What of a leaf is needed to derive its link. */
export interface LeafParts {
  readonly appendedAt: string;
  /** In hex. */
  readonly chainHash: string;
  readonly eventHash: Uint8Array;
}

/** Printable ASCII without what JSON escapes, as nearly all kinds and keys are. It is its own canonical form. */
const PLAIN = String.raw`[ !#-\[\]-~]`;
const LEAF = new RegExp(
  String.raw`^(\{"appended_at":"([2-9]\d{3}-\d\d-\d\d)(T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z)",(?:"before_hash":"[0-9a-f]{64}",)?)` +
    String.raw`"chain_hash":"([0-9a-f]{64})",("event_kind":"(${PLAIN}{1,200})","event_pk":"${PLAIN}{1,2000}","payload_hash":"[0-9a-f]{64}"),"seq":([1-9]\d{0,15})\}$`,
);

/** Days of 27 years. */
const MAX_KNOWN = 10_000;

/**
 * Reads the leaves of a log, faster than `parseLeaf` where they are plain, and as strictly: what an event's hash is made of
 * are the very characters of the leaf, without two of its members.
 */
export class LeafReader {
  /** Days and kinds that `parseLeaf` has taken. */
  readonly #known = new Set<string>();

  /** The leaf of that seq; null where it is none. */
  read(entry: Buffer, seq: number): LeafParts | null {
    const text = entry.toString("latin1");
    const found = LEAF.exec(text);
    if (found === null) return anyLeaf(entry, seq);
    const [, head = "", day = "", time = "", chainHash = "", event = "", kind = "", number] = found;
    const labels = [day, `"${kind}`];
    if (!labels.every((label) => this.#known.has(label))) {
      const leaf = anyLeaf(entry, seq);
      if (leaf !== null && this.#known.size < MAX_KNOWN) for (const label of labels) this.#known.add(label);
      return leaf;
    }
    if (Number(number) !== seq) return null;
    return { appendedAt: day + time, chainHash, eventHash: sha256(`${head}${event}}`) };
  }
}

function anyLeaf(entry: Buffer, seq: number): LeafParts | null {
  const leaf = leafOf(entry);
  if (leaf?.seq !== BigInt(seq)) return null;
  const { appendedAt, chainHash } = leaf;
  return { appendedAt, chainHash: Buffer.from(chainHash).toString("hex"), eventHash: eventHash(leaf) };
}
