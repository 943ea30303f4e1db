/**
 * The proof of an event: a tlog-proof (tlog-proof.ts) with the event's leaf as its extra data. Nothing in it has to be
 * believed. Everything follows from the two signatures and the name of the event that was asked about:
 *
 *     log's signature ──► checkpoint: origin, size, root ──► inclusion proof ──► hash of leaf `index` ──► leaf
 *     cosignature ──────► time
 *     leaf ──► seq = index + 1, kind and key = those asked about, payload hash, appended_at
 *
 * It shows what was recorded, and when. What the row *is*, or whether a later event changed it, it cannot show.
 */
import { CoreError, quoted } from "../errors.ts";
import { type HeadTrust, openCheckpoint } from "../head-trust.ts";
import { verifyInclusion } from "../inclusion.ts";
import { type Leaf, MAX_LEAF_CHARS, parseLeaf } from "../leaf.ts";
import { leafHash } from "../merkle.ts";
import { requireInTime, type RetiredKey } from "../succession/retired-key.ts";
import type { Seconds } from "../units.ts";
import { requireWitnessed, type Witnessed } from "../witness/quorum.ts";
import type { TrustPolicy } from "../witness/trust-policy.ts";
import { formatTlogProof, parseTlogProof } from "./tlog-proof.ts";

/** By what a proof is believed. */
export interface ProofTrust extends HeadTrust {
  /** Whose quorum must have cosigned the checkpoint; without it nobody need have. */
  readonly witnesses?: TrustPolicy | undefined;
  /** Keys that have been replaced: each is believed up to its last head. */
  readonly retired?: readonly RetiredKey[] | undefined;
}

/** What a proof has shown. */
export interface ProvenEvent {
  /** The event, as it was recorded. */
  readonly leaf: Leaf;
  readonly origin: string;
  /** Number of leaves of the signed tree, and its root. */
  readonly size: bigint;
  readonly root: Uint8Array;
  /** When the checkpoint was signed. */
  readonly signedTime: Seconds;
  /** Who has cosigned the checkpoint; null where no trust policy was given. */
  readonly witnessed: Witnessed | null;
  /**
   * The last head of the keys that have signed the checkpoint, where they have been replaced since; else null. Who has them now
   * could have made the proof later than it says, but for a quorum that has cosigned.
   */
  readonly retiredKey: RetiredKey | null;
}

/**
 * The text of an event's proof. Nothing is checked that `verifyProof` will check.
 *
 * @param parts.leaf the leaf's text
 * @param parts.seq the event's
 * @param parts.hashes the inclusion proof
 * @param parts.checkpoint the signed note
 */
export const formatEventProof = (parts: {
  readonly leaf: string;
  readonly seq: bigint;
  readonly hashes: readonly Uint8Array[];
  readonly checkpoint: string;
}): string =>
  formatTlogProof({
    index: parts.seq - 1n,
    hashes: parts.hashes,
    checkpoint: parts.checkpoint,
    extra: new Uint8Array(Buffer.from(parts.leaf)),
  });

/**
 * Checks the proof of an event against the trusted keys, without a database. The text may be from anybody.
 *
 * @param event kind and key, exactly as they must have been recorded: of a change with its role and seq
 *   (`orders:update`, `42@1042`), of a blinded key the hex
 * @throws {CoreError}
 *   - `proof_malformed`: not a tlog-proof in its one form, or without a leaf; `note_malformed`, `checkpoint_malformed`,
 *     `leaf_malformed`: one of its parts is not
 *   - `origin_mismatch`, `signature_missing`, `signature_invalid`, `head_member_mismatch`: as `parseHeadLine`
 *   - `retired_key`: signed with a key that had been replaced by then
 *   - `witness_missing`: not valid by the trust policy
 *   - `tree_range`, `proof_mismatch`: the leaf is not at this index of the signed tree
 *   - `event_mismatch`: it is, and is that of another seq, kind or key
 */
export function verifyProof(
  text: string,
  trust: ProofTrust,
  event: { readonly kind: string; readonly pk: string },
): ProvenEvent {
  const { index, hashes, checkpoint, extra } = parseTlogProof(text);
  const signed = openCheckpoint(checkpoint, trust);
  const { origin, size, root, signedTime } = signed;
  const retiredKey = requireInTime(signed, trust.retired ?? []);
  const witnessed =
    trust.witnesses === undefined ? null : requireWitnessed(checkpoint, trust.witnesses, trust.verifiers);
  if (extra === null) throw new CoreError("proof_malformed", "the proof does not bring its event (extra)");
  // Nothing is read of the leaf before its hash is proven.
  verifyInclusion({ index, size, leafHash: leafHash(extra), proof: hashes, root });
  const leaf = parseLeaf(leafTextOf(extra));
  if (leaf.seq !== index + 1n)
    throw new CoreError("event_mismatch", `the proven leaf ${index} says that it is of seq ${leaf.seq}`);
  if (leaf.eventKind !== event.kind || leaf.eventPk !== event.pk)
    throw new CoreError(
      "event_mismatch",
      `it proves the event ${quoted(leaf.eventKind)} ${quoted(leaf.eventPk)}, expected ${quoted(event.kind)} ${quoted(event.pk)}`,
    );
  return { leaf, origin, size, root, signedTime, witnessed, retiredKey };
}

function leafTextOf(bytes: Uint8Array): string {
  if (bytes.byteLength > MAX_LEAF_CHARS)
    throw new CoreError("leaf_malformed", `longer than ${MAX_LEAF_CHARS} characters`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CoreError("leaf_malformed", "the leaf is not UTF-8", { cause });
  }
}
