/**
 * Inclusion proofs (RFC 6962, section 2.1.1): that a leaf stands at an index in the tree of a known root.
 *
 * The proof lists the hashes that are missing on the way from the leaf to the root, nearest the leaf first. In the tree of
 * five leaves drawn in merkle.ts:
 *
 *     leaf 2 (index 1):  l1, n2', l5
 *     leaf 5 (index 4):  n4
 *
 * A proof does not fix the tree's size: leaf 4 has the same proof in all trees of 5 to 8 leaves with this root. So size and
 * root must come from the same signed checkpoint.
 */
import { CoreError } from "./errors.ts";
import { checkHash, sameBytes } from "./hash.ts";
import { checkTreeSize, emptyRoot, nodeHash } from "./merkle.ts";

/** A claim that a leaf is in a tree, and its proof. */
export interface Inclusion {
  /** Index of the leaf, from 0. */
  readonly index: bigint;
  /** Number of leaves. */
  readonly size: bigint;
  /** 32 bytes. */
  readonly leafHash: Uint8Array;
  readonly proof: readonly Uint8Array[];
  /** Root of the tree. 32 bytes. */
  readonly root: Uint8Array;
}

/**
 * Returns if the proof holds, and throws if not. (RFC 9162, section 2.1.3.2, gives the same algorithm.)
 *
 * @throws {CoreError} `tree_range` if the tree cannot have that size or that index; `hash_length`;
 *   `proof_malformed` if the number of hashes does not fit index and size; `proof_mismatch` if they lead to another root
 */
export function verifyInclusion(claim: Inclusion): void {
  const { index, proof } = claim;
  checkTreeSize(claim.size);
  if (index < 0n || index >= claim.size) {
    throw new CoreError("tree_range", `a tree of ${claim.size} leaves has no leaf ${index}`);
  }
  checkHash(claim.root, "root");
  let hash = checkHash(claim.leafHash, "leaf hash");
  let used = 0;
  // One level of the tree per turn: `at` is the node above the leaf, `last` the rightmost node of that level.
  for (let at = index, last = claim.size - 1n; last > 0n; at >>= 1n, last >>= 1n) {
    // A rightmost node with an even index has no sibling and moves up as it is.
    if (at === last && (at & 1n) === 0n) continue;
    const sibling = proof[used++];
    if (sibling === undefined) throw new CoreError("proof_malformed", `only ${proof.length} hashes`);
    hash = (at & 1n) === 1n ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
  }
  if (used !== proof.length) throw new CoreError("proof_malformed", `${proof.length} hashes instead of ${used}`);
  if (!sameBytes(hash, claim.root)) throw new CoreError("proof_mismatch", "the proof leads to another root");
}

/**
 * The root of a tree, from the hashes of all its leaves. 32 bytes.
 *
 * @throws {CoreError} `hash_length`
 */
export function treeRoot(leafHashes: readonly Uint8Array[]): Uint8Array {
  return leafHashes.length === 0 ? emptyRoot : rangeRoot(leafHashes, { from: 0n, to: BigInt(leafHashes.length) });
}

/** Leaves `from` (inclusive) to `to` (exclusive), by index: those below one node of a tree. */
export interface LeafRange {
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * What an inclusion proof consists of: the nodes beside the way from the leaf to the root, nearest the leaf first, each by
 * the leaves below it. At most 63.
 *
 * @throws {CoreError} `tree_range`
 */
export function inclusionRanges(index: bigint, size: bigint): LeafRange[] {
  checkTreeSize(size);
  if (index < 0n || index >= size) throw new CoreError("tree_range", `a tree of ${size} leaves has no leaf ${index}`);
  const ranges: LeafRange[] = [];
  let from = 0n;
  let to = size;
  while (to - from > 1n) {
    const middle = from + split(to - from);
    if (index < middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return ranges.toReversed();
}

/**
 * The inclusion proof of a leaf, from the hashes of all leaves. For trees that fit in memory.
 *
 * @throws {CoreError} `tree_range`, `hash_length`
 */
export const inclusionProof = (leafHashes: readonly Uint8Array[], index: bigint): Uint8Array[] =>
  inclusionRanges(index, BigInt(leafHashes.length)).map((range) => rangeRoot(leafHashes, range));

/** The largest power of two smaller than `count`, which is at least 2. */
export function split(count: bigint): bigint {
  return 1n << BigInt((count - 1n).toString(2).length - 1);
}

/** Root of a range of leaves, of which there is at least one. */
export function rangeRoot(leafHashes: readonly Uint8Array[], { from, to }: LeafRange): Uint8Array {
  if (to - from > 1n) {
    const middle = from + split(to - from);
    return nodeHash(rangeRoot(leafHashes, { from, to: middle }), rangeRoot(leafHashes, { from: middle, to }));
  }
  const leaf = leafHashes[Number(from)];
  if (leaf === undefined) throw new CoreError("tree_range", `there is no leaf ${from}`);
  return checkHash(leaf, "leaf hash");
}
