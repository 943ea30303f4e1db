import { describe, expect, it } from "vitest";
import { ConsistencyBuilder, consistencyProof, FrontierBuilder, toHex } from "../src/index.ts";
import { codeOf } from "./code-of.ts";
import { leafAt } from "./tlog/plain-tree.ts";

const leaves = Array.from({ length: 70 }, (_, i) => leafAt(i));

/** A builder from the first `oldSize` leaves, with those from there to `to` appended. */
function built(oldSize: number, newSize: number, to = newSize): ConsistencyBuilder {
  const old = new FrontierBuilder();
  for (const leaf of leaves.slice(0, oldSize)) old.append(leaf);
  const builder = new ConsistencyBuilder(old.frontier(), BigInt(newSize));
  for (const leaf of leaves.slice(oldSize, to)) builder.append(leaf);
  return builder;
}

describe("a consistency proof that is made from a frontier and the leaves after it", () => {
  it("is the one that is made from all leaves, for every two sizes to 70", () => {
    for (let newSize = 0; newSize <= leaves.length; newSize++)
      for (let oldSize = 0; oldSize <= newSize; oldSize++)
        expect(built(oldSize, newSize).proof().map(toHex), `${oldSize} to ${newSize}`).toEqual(
          consistencyProof(leaves.slice(0, newSize), BigInt(oldSize)).map(toHex),
        );
  });

  it("is refused with leaves too few or too many, and for a tree that is smaller", () => {
    expect(codeOf(() => built(3, 9, 8).proof())).toBe("tree_range");
    expect(codeOf(() => built(3, 9, 10))).toBe("tree_range");
    expect(codeOf(() => built(9, 3))).toBe("tree_range");
  });
});
