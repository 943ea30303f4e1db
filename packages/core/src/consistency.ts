/**
 * Consistency proofs (RFC 6962, section 2.1.2): that a tree begins with exactly the leaves of an older one.
 *
 * From three leaves to the five drawn in merkle.ts, the proof is l3, l4, n2, l5:
 *
 *     old root = node(n2, l3)        new root = node(node(n2, node(l3, l4)), l5)
 */
import { CoreError } from "./errors.ts";
import { checkHash, sameBytes } from "./hash.ts";
import { type LeafRange, rangeRoot, split } from "./inclusion.ts";
import { checkTreeSize, emptyRoot, nodeHash } from "./merkle.ts";

/** A claim that one tree extends another, and its proof. */
export interface Consistency {
  readonly oldSize: bigint;
  /** 32 bytes. */
  readonly oldRoot: Uint8Array;
  readonly newSize: bigint;
  /** 32 bytes. */
  readonly newRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/**
 * Returns if the proof holds, and throws if not (RFC 9162, section 2.1.4.2). Every tree extends the empty one and
 * itself, with an empty proof.
 *
 * @throws {CoreError} `tree_range`, `hash_length`, `proof_malformed`, `proof_mismatch`
 */
export function verifyConsistency(claim: Consistency): void {
  checkTreeSize(claim.newSize);
  if (claim.oldSize < 0n || claim.oldSize > claim.newSize) {
    throw new CoreError("tree_range", `${claim.newSize} leaves cannot extend ${claim.oldSize}`);
  }
  checkHash(claim.oldRoot, "old root");
  checkHash(claim.newRoot, "new root");
  const [oldRoot, newRoot] = rootsOf(claim);
  if (!sameBytes(oldRoot, claim.oldRoot)) throw new CoreError("proof_mismatch", "the proof leads to another old root");
  if (!sameBytes(newRoot, claim.newRoot)) throw new CoreError("proof_mismatch", "the proof leads to another new root");
}

/** The two roots that the proof leads to. */
function rootsOf({ oldSize, oldRoot, newSize, newRoot, proof }: Consistency): [Uint8Array, Uint8Array] {
  if (oldSize === 0n || oldSize === newSize) {
    if (proof.length > 0) throw new CoreError("proof_malformed", "there is nothing to prove");
    return oldSize === 0n ? [emptyRoot, oldSize === newSize ? emptyRoot : newRoot] : [oldRoot, oldRoot];
  }
  let at = oldSize - 1n;
  let last = newSize - 1n;
  // Up to the largest complete subtree that ends the old tree: its root starts the proof, unless it is the old tree.
  while ((at & 1n) === 1n) {
    at >>= 1n;
    last >>= 1n;
  }
  let used = at === 0n ? 0 : 1;
  let older = at === 0n ? oldRoot : hashAt(proof, 0);
  let newer = older;
  for (; last > 0n; at >>= 1n, last >>= 1n) {
    if (at === last && (at & 1n) === 0n) continue;
    const sibling = hashAt(proof, used++);
    if ((at & 1n) === 1n) {
      older = nodeHash(sibling, older);
      newer = nodeHash(sibling, newer);
    } else {
      newer = nodeHash(newer, sibling);
    }
  }
  if (used !== proof.length) throw new CoreError("proof_malformed", `${proof.length} hashes instead of ${used}`);
  return [older, newer];
}

function hashAt(proof: readonly Uint8Array[], index: number): Uint8Array {
  const hash = proof[index];
  if (hash === undefined) throw new CoreError("proof_malformed", `only ${proof.length} hashes`);
  return checkHash(hash, "a hash of the proof");
}

/**
 * What a consistency proof consists of: nodes of the larger tree, in the order of the proof, each by the leaves below it.
 *
 * @throws {CoreError} `tree_range`
 */
export function consistencyRanges(oldSize: bigint, newSize: bigint): LeafRange[] {
  checkTreeSize(newSize);
  if (oldSize < 0n || oldSize > newSize)
    throw new CoreError("tree_range", `${newSize} leaves cannot extend ${oldSize}`);
  const ranges: LeafRange[] = [];
  let from = 0n;
  let to = newSize;
  if (oldSize === 0n || oldSize === to) return ranges;
  while (oldSize < to) {
    const middle = from + split(to - from);
    if (oldSize <= middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  // The reader knows the old root itself; any other subtree that ends the old tree must be given.
  if (from > 0n) ranges.push({ from, to });
  return ranges.toReversed();
}

/**
 * The consistency proof from the first `oldSize` leaves to all of them, from the hashes of all leaves. For trees that
 * fit in memory.
 *
 * @throws {CoreError} `tree_range`, `hash_length`
 */
export const consistencyProof = (leafHashes: readonly Uint8Array[], oldSize: bigint): Uint8Array[] =>
  consistencyRanges(oldSize, BigInt(leafHashes.length)).map((range) => rangeRoot(leafHashes, range));
