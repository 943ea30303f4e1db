import { describe, expect, test } from "vitest";
import { type ChainRow, walkChain } from "../src/verify/chain.ts";

/** A row by the names of its predecessor and itself; a capital F marks one that does not fit its HMAC. */
const row = (prev: string | null, hmac: string, fault: ChainRow["fault"] = null): ChainRow => ({
  id: `row ${hmac}`,
  prev,
  hmac,
  digest: new Uint8Array(32),
  fault,
});

describe("walking a chain", () => {
  const sound = [row(null, "a"), row("a", "b"), row("b", "c"), row("c", "d")];

  test("an empty chain, and rows in any order, are sound", () => {
    expect(walkChain([])).toEqual({ order: [], fault: null });
    const walk = walkChain(sound.toReversed());
    expect(walk.fault).toBeNull();
    expect(walk.order.map(({ hmac }) => hmac)).toEqual(["a", "b", "c", "d"]);
  });

  test.each<[string, ChainRow[], string, string]>([
    ["two rows after one", [...sound, row("b", "x")], "row x", "fork"],
    ["two first rows", [...sound, row(null, "x")], "row x", "fork"],
    [
      "two branches of which the newer goes on",
      [row(null, "a"), row("a", "x"), row("a", "b"), row("b", "c")],
      "row x",
      "fork",
    ],
    ["a forged branch before the genuine row", [row(null, "a"), row("a", "x", "hmac"), row("a", "b")], "row x", "hmac"],
    ["a row that is missing", [row(null, "a"), row("b", "c"), row("c", "d")], "row c", "missing"],
    ["no first row", [row("a", "b"), row("b", "c")], "row b", "missing"],
    ["the same row twice", [...sound, { ...row("b", "c"), id: "copy" }], "copy", "duplicate"],
    [
      "a forged row with a genuine HMAC, in front of it",
      [row(null, "a"), row(null, "b", "hmac"), row("a", "b")],
      "row b",
      "hmac",
    ],
    ["a circle beside the chain", [...sound, row("y", "x"), row("x", "y")], "row x", "cycle"],
    ["nothing but a circle", [row("y", "x"), row("x", "y")], "row x", "cycle"],
    ["a row that names itself", [...sound, row("x", "x")], "row x", "cycle"],
    [
      "the first of several faults",
      [row(null, "a"), row("a", "b", "malformed"), row("b", "c", "hmac")],
      "row b",
      "malformed",
    ],
    ["a fault behind a gap", [row(null, "a"), row("b", "c", "hmac"), row("c", "d")], "row c", "hmac"],
  ])("%s is found", (_name, rows, id, reason) => {
    expect(walkChain(rows).fault).toMatchObject({ id, reason });
  });

  test("a long chain is walked without recursion", () => {
    const rows = Array.from({ length: 200_000 }, (_, n) => row(n === 0 ? null : String(n - 1), String(n)));
    expect(walkChain(rows)).toMatchObject({ fault: null, order: { length: 200_000 } });
  });
});
