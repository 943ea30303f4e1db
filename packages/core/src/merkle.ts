/**
 * The Merkle tree of RFC 6962 (section 2.1): hashing of leaves and nodes, and the root of the empty tree.
 *
 *     leaf hash  = SHA-256(0x00 || leaf)
 *     node hash  = SHA-256(0x01 || left || right)
 *     empty tree = SHA-256()
 *
 * The root of more than one leaf is the node hash of two roots: that of the first k leaves, and that of the others. The
 * number k is the largest power of two that is smaller than the number of leaves. Five leaves:
 *
 *            root
 *           /    \
 *          n4     l5        root = node(n4, l5)
 *         /  \
 *       n2    n2'           n4 = node(n2, n2')
 *      / \    / \
 *     l1 l2  l3 l4          n2 = node(l1, l2)
 *
 * The prefix bytes keep a node from being passed off as a leaf.
 */
import { CoreError } from "./errors.ts";
import { checkHash, HASH_BYTES, sha256 } from "./hash.ts";

/** The largest tree: 2^63 - 1 leaves, as C2SP clients count them in 64-bit signed integers. */
export const MAX_TREE_SIZE: bigint = 2n ** 63n - 1n;

/** No inclusion proof has more hashes. */
export const MAX_PROOF_HASHES = 63;

/** Root of the tree without leaves: SHA-256 of nothing. */
// Pure: the page that checks proofs does not use it, and cannot hash while it loads.
export const emptyRoot: Uint8Array = /* @__PURE__ */ sha256("");

/** Hash of a leaf, given as bytes or as text to be taken as UTF-8. 32 bytes. */
export function leafHash(data: Uint8Array | string): Uint8Array {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  const input = new Uint8Array(1 + bytes.byteLength);
  input.set(bytes, 1);
  return sha256(input);
}

/** The 65 bytes of the next node. Kept, since hashing is synchronous and done for every leaf. */
const preimage = new Uint8Array(1 + 2 * HASH_BYTES);
preimage[0] = 0x01;

/**
 * Hash of an inner node from the hashes of its two children. 32 bytes.
 *
 * @throws {CoreError} `hash_length`
 */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  preimage.set(checkHash(left, "left child"), 1);
  preimage.set(checkHash(right, "right child"), 1 + HASH_BYTES);
  return sha256(preimage);
}

/**
 * Returns the size itself if it is one of a tree.
 *
 * @throws {CoreError} `tree_range`
 */
export function checkTreeSize(size: bigint): bigint {
  if (size < 0n || size > MAX_TREE_SIZE) throw new CoreError("tree_range", `a tree cannot have ${size} leaves`);
  return size;
}
