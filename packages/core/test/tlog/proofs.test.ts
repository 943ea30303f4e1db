import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  consistencyRanges,
  FrontierBuilder,
  inclusionRanges,
  MAX_TREE_SIZE,
  verifyConsistency,
  verifyInclusion,
} from "../../src/index.ts";
import { codeOf } from "../code-of.ts";
import { flipped, leafAt, pathOf, rootOf, rootsOf, subproofOf } from "./plain-tree.ts";

const SIZES = 300;
/** Up to here each bit of each hash is tried; above, one bit of one hash, another one each time. */
const EVERY_BIT = 16;

/** Which bits of a proof's hash are tried in a tree of that size. */
function bitsOf(size: number, seed: number, at: number, hashes: number): number[] {
  if (size <= EVERY_BIT) return Array.from({ length: 256 }, (_, bit) => bit);
  return seed % hashes === at ? [seed % 256] : [];
}

const inclusionOf = (index: number, size: number) => ({
  index: BigInt(index),
  size: BigInt(size),
  leafHash: leafAt(index),
  root: rootOf(0, size),
});

const consistencyOf = (oldSize: number, newSize: number) => ({
  oldSize: BigInt(oldSize),
  oldRoot: rootOf(0, oldSize),
  newSize: BigInt(newSize),
  newRoot: rootOf(0, newSize),
});

describe("proofs", () => {
  // Hundreds of thousands of refusals: most of the time would go into stack traces that nobody reads.
  const { stackTraceLimit } = Error;
  beforeAll(() => {
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });

  it("lead to the roots of RFC 6962's plain recursion at every size to 300", () => {
    const builder = new FrontierBuilder();
    for (let size = 0; size <= SIZES; size++) {
      expect(builder.root()).toEqual(rootOf(0, size));
      builder.append(leafAt(size));
    }
  });

  it("of inclusion are RFC 6962's for every leaf of every tree to 300", () => {
    for (let size = 1; size <= SIZES; size++)
      for (let index = 0; index < size; index++) {
        const proof = rootsOf(inclusionRanges(BigInt(index), BigInt(size)));
        expect(Buffer.concat(proof).equals(Buffer.concat(pathOf(index, 0, size)))).toBe(true);
        verifyInclusion({ ...inclusionOf(index, size), proof });
      }
  });

  it("of consistency are RFC 6962's between all trees to 300", () => {
    for (let newSize = 1; newSize <= SIZES; newSize++)
      for (let oldSize = 1; oldSize <= newSize; oldSize++) {
        const proof = rootsOf(consistencyRanges(BigInt(oldSize), BigInt(newSize)));
        expect(Buffer.concat(proof).equals(Buffer.concat(subproofOf(oldSize, 0, newSize, true)))).toBe(true);
        verifyConsistency({ ...consistencyOf(oldSize, newSize), proof });
      }
  });

  it("of inclusion are refused with a bit of any hash changed", () => {
    for (let size = 1; size <= SIZES; size++)
      for (let index = 0; index < size; index++) {
        const claim = inclusionOf(index, size);
        const proof = pathOf(index, 0, size);
        const wrong = proof.flatMap((_, at) =>
          bitsOf(size, size * 7 + index * 31, at, proof.length).filter(
            (bit) => codeOf(() => verifyInclusion({ ...claim, proof: flipped(proof, at, bit) })) !== "proof_mismatch",
          ),
        );
        expect(wrong).toEqual([]);
      }
  });

  it("of consistency are refused with a bit of any hash changed", () => {
    for (let newSize = 2; newSize <= SIZES; newSize++)
      for (let oldSize = 1; oldSize < newSize; oldSize++) {
        const claim = consistencyOf(oldSize, newSize);
        const proof = subproofOf(oldSize, 0, newSize, true);
        const wrong = proof.flatMap((_, at) =>
          bitsOf(newSize, newSize * 7 + oldSize * 31, at, proof.length).filter(
            (bit) => codeOf(() => verifyConsistency({ ...claim, proof: flipped(proof, at, bit) })) !== "proof_mismatch",
          ),
        );
        expect(wrong).toEqual([]);
      }
  });

  it("have at most 63 hashes, in the largest tree too", () => {
    expect(inclusionRanges(0n, MAX_TREE_SIZE)).toHaveLength(63);
    expect(inclusionRanges(MAX_TREE_SIZE - 1n, MAX_TREE_SIZE)).toHaveLength(62);
    expect(codeOf(() => inclusionRanges(0n, MAX_TREE_SIZE + 1n))).toBe("tree_range");
    expect(codeOf(() => inclusionRanges(5n, 5n))).toBe("tree_range");
    expect(codeOf(() => inclusionRanges(-1n, 5n))).toBe("tree_range");
    expect(codeOf(() => consistencyRanges(6n, 5n))).toBe("tree_range");
    expect(consistencyRanges(0n, 5n)).toEqual([]);
  });
});
