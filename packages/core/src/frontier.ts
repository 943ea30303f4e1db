/**
 * The frontier: all that one must keep of a Merkle tree to go on appending to it.
 *
 * It holds the roots of the complete subtrees that the tree is made of, largest first: one for each 1 bit of the size.
 * A tree of 13 = 0b1101 leaves has three, of 8, 4 and 1 leaves:
 *
 *     hashes = [ root(1…8), root(9…12), leaf 13 ]
 *     root   = node(root(1…8), node(root(9…12), leaf 13))
 *
 * Appending leaf 14 joins the subtrees of equal size, like a carry: [8, 4, 1] + 1 → [8, 4, 2].
 *
 * The inclusion proof of the *last* leaf is the frontier of the tree before it, smallest subtree first. That proof is
 * published with each head, and lets anyone go on from there without the rows before. A frontier also proves the leaf
 * that comes next, without any other hash.
 */
import { CoreError } from "./errors.ts";
import { checkHash } from "./hash.ts";
import { checkTreeSize, emptyRoot, MAX_TREE_SIZE, nodeHash } from "./merkle.ts";

/** A tree, as far as appending to it needs it. */
export interface Frontier {
  /** Number of leaves. */
  readonly size: bigint;
  /** Roots of the complete subtrees, largest first: as many as the size has 1 bits. */
  readonly hashes: readonly Uint8Array[];
}

/** The frontier of the tree without leaves. */
export const emptyFrontier: Frontier = { size: 0n, hashes: [] };

/**
 * A frontier that is appended to in place: for the millions of leaves of a whole chain.
 */
export class FrontierBuilder {
  #size: bigint;
  readonly #hashes: Uint8Array[];

  /** @throws {CoreError} `tree_range`, `proof_malformed`, `hash_length`: not a frontier */
  constructor(from: Frontier = emptyFrontier) {
    checkFrontier(from);
    this.#size = from.size;
    this.#hashes = [...from.hashes];
  }

  /** Number of leaves. */
  get size(): bigint {
    return this.#size;
  }

  /**
   * Appends a leaf, by its leaf hash.
   *
   * @throws {CoreError} `hash_length`, `tree_range`
   */
  append(leafHash: Uint8Array): void {
    if (this.#size === MAX_TREE_SIZE) throw new CoreError("tree_range", "the tree is full");
    let hash = checkHash(leafHash, "leaf hash");
    for (let size = this.#size; (size & 1n) === 1n; size >>= 1n) {
      const left = this.#hashes.pop();
      if (left !== undefined) hash = nodeHash(left, hash);
    }
    this.#hashes.push(hash);
    this.#size += 1n;
  }

  /**
   * Appends 2^`level` leaves at once, by the root of their tree. It must stand where such a subtree can stand: the size
   * is a multiple of 2^`level`.
   *
   * @throws {CoreError} `hash_length`, `tree_range`
   */
  appendSubtree(level: number, root: Uint8Array): void {
    const leaves = 1n << BigInt(level);
    if (this.#size % leaves !== 0n || this.#size + leaves > MAX_TREE_SIZE)
      throw new CoreError("tree_range", `a subtree of ${leaves} leaves cannot stand after ${this.#size}`);
    let hash = checkHash(root, "a subtree's root");
    for (let size = this.#size >> BigInt(level); (size & 1n) === 1n; size >>= 1n) {
      const left = this.#hashes.pop();
      if (left !== undefined) hash = nodeHash(left, hash);
    }
    this.#hashes.push(hash);
    this.#size += leaves;
  }

  /** The frontier now; it does not change with later appends. */
  frontier(): Frontier {
    return { size: this.#size, hashes: [...this.#hashes] };
  }

  /** The root now. 32 bytes. */
  root(): Uint8Array {
    return fold(this.#hashes);
  }
}

/**
 * The frontier with one more leaf, given by its leaf hash.
 *
 * @throws {CoreError} `tree_range`, `proof_malformed`, `hash_length`
 */
export function appendLeaf(frontier: Frontier, leafHash: Uint8Array): Frontier {
  const builder = new FrontierBuilder(frontier);
  builder.append(leafHash);
  return builder.frontier();
}

/**
 * The root of a frontier's tree. 32 bytes.
 *
 * @throws {CoreError} `tree_range`, `proof_malformed`, `hash_length`
 */
export function frontierRoot(frontier: Frontier): Uint8Array {
  checkFrontier(frontier);
  return fold(frontier.hashes);
}

/**
 * Inclusion proof (RFC 6962, section 2.1.1) of the leaf that is appended next to `before`: leaf number `before.size`
 * in the tree of `before.size + 1` leaves.
 *
 * @throws {CoreError} `tree_range`, `proof_malformed`, `hash_length`
 */
export function lastLeafProof(before: Frontier): Uint8Array[] {
  checkFrontier(before);
  return before.hashes.toReversed();
}

/**
 * The frontier of a tree of `size` leaves, from the inclusion proof of its last leaf. It is what the proof claims:
 * compare its `frontierRoot` with a signed root before trusting it.
 *
 * @throws {CoreError} `tree_range` for a size below 1 or above 2^63 - 1; `proof_malformed`, `hash_length`
 */
export function frontierFromLastLeaf(last: {
  readonly size: bigint;
  readonly leafHash: Uint8Array;
  readonly proof: readonly Uint8Array[];
}): Frontier {
  if (last.size < 1n) throw new CoreError("tree_range", `a tree of ${last.size} leaves has no last leaf`);
  checkTreeSize(last.size);
  return appendLeaf({ size: last.size - 1n, hashes: last.proof.toReversed() }, last.leafHash);
}

/** The root of the complete subtrees that a tree, or a node of one, consists of, largest first. */
export function fold(hashes: readonly Uint8Array[]): Uint8Array {
  const smallest = hashes.at(-1);
  if (smallest === undefined) return emptyRoot;
  return hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), smallest);
}

function checkFrontier(frontier: Frontier): void {
  let ones = 0;
  for (let size = checkTreeSize(frontier.size); size > 0n; size >>= 1n) ones += Number(size & 1n);
  if (frontier.hashes.length !== ones) {
    throw new CoreError(
      "proof_malformed",
      `a tree of ${frontier.size} leaves has ${ones} complete subtrees, not ${frontier.hashes.length}`,
    );
  }
  for (const hash of frontier.hashes) checkHash(hash, "a subtree's root");
}
