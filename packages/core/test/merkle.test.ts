import { describe, expect, it } from "vitest";
import {
  appendLeaf,
  consistencyProof,
  emptyFrontier,
  emptyRoot,
  FrontierBuilder,
  frontierFromLastLeaf,
  frontierRoot,
  fromHex,
  inclusionProof,
  lastLeafProof,
  leafHash,
  sha256,
  toHex,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from "../src/index.ts";
import { codeOf } from "./code-of.ts";
import { type Negative, vectors } from "./vectors.ts";

const SIZES = 100;
const leaves = Array.from({ length: SIZES }, (_, i) => leafHash(`leaf ${i}`));

/** RFC 6962, section 2.1, word for word; slow, and independent of the code under test. */
function naiveRoot(hashes: readonly Uint8Array[]): Uint8Array {
  const [first] = hashes;
  if (first === undefined) return sha256("");
  if (hashes.length === 1) return first;
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return sha256(Buffer.concat([Uint8Array.of(1), naiveRoot(hashes.slice(0, k)), naiveRoot(hashes.slice(k))]));
}
const roots = Array.from({ length: SIZES + 1 }, (_, size) => naiveRoot(leaves.slice(0, size)));
const rootAt = (size: number): Uint8Array => roots[size] ?? emptyRoot;
const leafAt = (index: number): Uint8Array => leaves[index] ?? emptyRoot;

/** Every way to change one bit of one of the hashes. */
function* flips(hashes: readonly Uint8Array[]): Generator<Uint8Array[]> {
  for (const [at, hash] of hashes.entries()) {
    for (let bit = 0; bit < hash.length * 8; bit++) {
      const changed = hash.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      yield hashes.with(at, changed);
    }
  }
}

describe("the Merkle tree", () => {
  const go = vectors("merkle") as {
    leaves: string[];
    leaf_hashes: string[];
    roots: string[];
    inclusions: { size: number; index: number; proof: string[] }[];
    consistencies: { old_size: number; new_size: number; proof: string[] }[];
  };

  it("has the roots of RFC 6962 that all implementations share", () => {
    const rfc = vectors("rfc6962") as { leaves: string[]; roots: string[] };
    const builder = new FrontierBuilder();
    expect(
      rfc.roots.map((_, size) => toHex(treeRoot(rfc.leaves.slice(0, size).map((l) => leafHash(fromHex(l)))))),
    ).toEqual(rfc.roots);
    for (const [size, root] of rfc.roots.entries()) {
      expect(toHex(builder.root())).toBe(root);
      builder.append(leafHash(fromHex(rfc.leaves[size] ?? "")));
    }
  });

  it("agrees with Go's tlog on leaves, roots and proofs", () => {
    expect(go.leaves.map((leaf) => toHex(leafHash(leaf)))).toEqual(go.leaf_hashes);
    expect(roots.map(toHex)).toEqual(go.roots);
    for (const { size, index, proof } of go.inclusions) {
      expect(inclusionProof(leaves.slice(0, size), BigInt(index)).map(toHex)).toEqual(proof);
      verifyInclusion({
        index: BigInt(index),
        size: BigInt(size),
        leafHash: leafAt(index),
        proof: proof.map(fromHex),
        root: rootAt(size),
      });
    }
    for (const { old_size, new_size, proof } of go.consistencies) {
      expect(consistencyProof(leaves.slice(0, new_size), BigInt(old_size)).map(toHex)).toEqual(proof);
    }
  });

  it("grows by single leaves to the root that recursion gives, at every size to 100", () => {
    let frontier = emptyFrontier;
    const builder = new FrontierBuilder();
    for (let size = 0; size <= SIZES; size++) {
      expect(frontierRoot(frontier)).toEqual(rootAt(size));
      expect(builder.root()).toEqual(rootAt(size));
      expect(treeRoot(leaves.slice(0, size))).toEqual(rootAt(size));
      expect(builder.frontier()).toEqual(frontier);
      expect(builder.size).toBe(BigInt(size));
      frontier = appendLeaf(frontier, leafAt(size));
      builder.append(leafAt(size));
    }
  });

  it("grows by whole subtrees to the same root, wherever one can stand, and refuses them elsewhere", () => {
    for (let size = 0; size < SIZES; size++) {
      for (let level = 0; size + 2 ** level <= SIZES; level++) {
        const end = size + 2 ** level;
        const builder = new FrontierBuilder();
        for (let i = 0; i < size; i++) builder.append(leafAt(i));
        const append = () => {
          builder.appendSubtree(level, treeRoot(leaves.slice(size, end)));
          return [builder.size, toHex(builder.root())];
        };
        const isOutOfPlace = size % 2 ** level !== 0;
        const expected = isOutOfPlace ? "tree_range" : [BigInt(end), toHex(rootAt(end))];
        expect(isOutOfPlace ? codeOf(append) : append()).toEqual(expected);
      }
    }
  });

  it("proves the last leaf from the frontier before it, and gives the frontier back from that proof", () => {
    let before = emptyFrontier;
    for (let size = 1; size <= SIZES; size++) {
      const [hash, proof] = [leafAt(size - 1), lastLeafProof(before)];
      const claim = { index: BigInt(size - 1), size: BigInt(size), leafHash: hash, proof };
      verifyInclusion({ ...claim, root: rootAt(size) });
      expect(proof).toEqual(inclusionProof(leaves.slice(0, size), BigInt(size - 1)));
      const frontier = frontierFromLastLeaf(claim);
      before = appendLeaf(before, hash);
      expect(frontier).toEqual(before);
    }
  });

  it("proves every leaf of every tree to 100, and no other leaf with the same proof", () => {
    for (let size = 1; size <= SIZES; size++) {
      const tree = leaves.slice(0, size);
      for (let index = 0; index < size; index++) {
        const claim = { index: BigInt(index), size: BigInt(size), leafHash: leafAt(index), root: rootAt(size) };
        const proof = inclusionProof(tree, BigInt(index));
        verifyInclusion({ ...claim, proof });
        const other = leafAt((index + 1) % SIZES);
        expect(codeOf(() => verifyInclusion({ ...claim, proof, leafHash: other }))).toBe("proof_mismatch");
        expect(codeOf(() => verifyInclusion({ ...claim, proof: [...proof, other] }))).toBe("proof_malformed");
        const short = codeOf(() => verifyInclusion({ ...claim, proof: proof.slice(1) }));
        expect(short).toBe(proof.length > 0 ? "proof_malformed" : "none");
      }
    }
  });

  it("refuses an inclusion proof with any bit of any hash changed", () => {
    for (const size of [1, 2, 3, 7, 8, 13, 64, 100]) {
      for (const index of new Set([0, size >> 1, size - 1])) {
        const claim = { index: BigInt(index), size: BigInt(size), leafHash: leafAt(index), root: rootAt(size) };
        const proof = inclusionProof(leaves.slice(0, size), BigInt(index));
        for (const changed of flips(proof)) {
          expect(codeOf(() => verifyInclusion({ ...claim, proof: changed }))).toBe("proof_mismatch");
        }
        for (const [leaf, root] of flips([claim.leafHash, claim.root])) {
          const changed = { ...claim, proof, leafHash: leaf ?? emptyRoot, root: root ?? emptyRoot };
          expect(codeOf(() => verifyInclusion(changed))).toBe("proof_mismatch");
        }
      }
    }
  });

  it("proves that every tree to 100 extends every smaller one", () => {
    for (let newSize = 0; newSize <= SIZES; newSize++) {
      for (let oldSize = 0; oldSize <= newSize; oldSize++) {
        const sizes = { oldSize: BigInt(oldSize), newSize: BigInt(newSize) };
        const claim = { ...sizes, oldRoot: rootAt(oldSize), newRoot: rootAt(newSize) };
        const proof = consistencyProof(leaves.slice(0, newSize), BigInt(oldSize));
        verifyConsistency({ ...claim, proof });
        expect(codeOf(() => verifyConsistency({ ...claim, proof: [...proof, emptyRoot] }))).toBe("proof_malformed");
        const other = leafHash("other");
        expect(codeOf(() => verifyConsistency({ ...claim, proof, oldRoot: other }))).toBe("proof_mismatch");
        // Any tree extends the empty one, so nothing can be said of its root.
        const otherRoot = codeOf(() => verifyConsistency({ ...claim, proof, newRoot: other }));
        expect(otherRoot).toBe(oldSize > 0 || newSize === 0 ? "proof_mismatch" : "none");
        const short = codeOf(() => verifyConsistency({ ...claim, proof: proof.slice(0, -1) }));
        expect(short).toBe(proof.length > 0 ? "proof_malformed" : "none");
      }
    }
  });

  it("refuses a consistency proof with any bit of any hash changed", () => {
    for (const [oldSize, newSize] of [
      [1, 2],
      [3, 7],
      [4, 7],
      [6, 8],
      [50, 100],
      [99, 100],
    ] as const) {
      const claim = {
        oldSize: BigInt(oldSize),
        oldRoot: rootAt(oldSize),
        newSize: BigInt(newSize),
        newRoot: rootAt(newSize),
      };
      for (const proof of flips(consistencyProof(leaves.slice(0, newSize), BigInt(oldSize)))) {
        expect(codeOf(() => verifyConsistency({ ...claim, proof }))).toBe("proof_mismatch");
      }
    }
  });

  it.each(
    (
      vectors("negative/inclusion") as {
        cases: (Negative & { size: string; index: string; leaf_hash: string; proof: string[]; root: string })[];
      }
    ).cases,
  )("refuses $name with $code", ({ size, index, leaf_hash, proof, root, code }) => {
    const claim = {
      index: BigInt(index),
      size: BigInt(size),
      leafHash: fromHex(leaf_hash),
      proof: proof.map(fromHex),
      root: fromHex(root),
    };
    expect(codeOf(() => verifyInclusion(claim))).toBe(code);
  });

  it("bounds sizes, and refuses frontiers and proofs of the wrong form", () => {
    const hash = leafHash("a");
    const hashes = (count: number): Uint8Array[] => Array.from({ length: count }, () => hash);
    expect(codeOf(() => frontierRoot({ size: 3n, hashes: hashes(1) }))).toBe("proof_malformed");
    expect(codeOf(() => frontierRoot({ size: 3n, hashes: hashes(3) }))).toBe("proof_malformed");
    expect(codeOf(() => frontierRoot({ size: 2n ** 63n, hashes: hashes(1) }))).toBe("tree_range");
    expect(codeOf(() => frontierRoot({ size: -1n, hashes: [] }))).toBe("tree_range");
    expect(codeOf(() => frontierRoot({ size: 1n, hashes: [hash.subarray(1)] }))).toBe("hash_length");
    const full = { size: 2n ** 63n - 1n, hashes: hashes(63) };
    expect(codeOf(() => frontierRoot(full))).toBe("none");
    expect(codeOf(() => appendLeaf(full, hash))).toBe("tree_range");
    expect(codeOf(() => appendLeaf(emptyFrontier, new Uint8Array(31)))).toBe("hash_length");
    for (const size of [0n, -1n, 2n ** 63n, 2n ** 64n, 2n ** 70n]) {
      expect(codeOf(() => frontierFromLastLeaf({ size, leafHash: hash, proof: [] }))).toBe("tree_range");
    }
    expect(codeOf(() => frontierFromLastLeaf({ size: 8n, leafHash: hash, proof: hashes(2) }))).toBe("proof_malformed");
    expect(codeOf(() => inclusionProof(leaves, 100n))).toBe("tree_range");
    expect(codeOf(() => inclusionProof([], 0n))).toBe("tree_range");
    expect(codeOf(() => consistencyProof(leaves, 101n))).toBe("tree_range");
    expect(codeOf(() => verifyConsistency({ oldSize: 2n, newSize: 1n, oldRoot: hash, newRoot: hash, proof: [] }))).toBe(
      "tree_range",
    );
  });
});
