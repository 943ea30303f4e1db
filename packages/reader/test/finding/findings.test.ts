import { describe, expect, it } from "vitest";
import { type Finding, Findings, MAX_LISTED_PER_CHECK } from "../../src/index.ts";

describe("findings", () => {
  const twice = (list: readonly Finding[]): Findings => {
    const first = new Findings();
    list.forEach(first.add);
    const second = new Findings(first);
    list.forEach(second.add);
    return second;
  };

  it("are listed by seq, a thousand of each check, and all counted once", () => {
    const list: Finding[] = Array.from({ length: 3000 }, (_, n) => ({
      check: "gap",
      seq: BigInt(3000 - n),
      message: "m",
    }));
    const found = twice([
      ...list,
      ...list,
      { check: "head_mismatch", fromSeq: 1n, toSeq: 2n, message: "" },
      { check: "chain_hash", seq: 2n, message: "" },
      { check: "publisher_silent", message: "" },
    ]);
    expect(found.count).toBe(3003);
    const listed = found.list();
    expect(listed).toHaveLength(MAX_LISTED_PER_CHECK + 3);
    expect(listed.slice(0, 3).map(({ check, seq }) => [check, seq])).toEqual([
      ["gap", 1n],
      ["gap", 2n],
      ["chain_hash", 2n],
    ]);
    expect(listed.slice(-2).map(({ check }) => check)).toEqual(["head_mismatch", "publisher_silent"]);
  });

  it("are reported when two looks agree, and counted when they do not", () => {
    const first = new Findings();
    first.add({ check: "gap", seq: 1n, message: "" });
    expect([first.count, first.unconfirmed]).toEqual([0, 1]);
    const second = new Findings(first);
    second.add({ check: "gap", seq: 2n, message: "" });
    expect([second.count, second.unconfirmed]).toEqual([0, 1]);
    const third = new Findings(second);
    third.add({ check: "gap", seq: 2n, message: "" });
    expect([third.count, third.unconfirmed]).toEqual([1, 0]);
  });

  it("take a chain that ends somewhere else for the same cut", () => {
    const first = new Findings();
    first.add({ check: "truncated", seq: 5n, message: "" });
    const second = new Findings(first);
    second.add({ check: "truncated", seq: 9n, message: "" });
    expect(second.list()).toMatchObject([{ check: "truncated", seq: 9n }]);
  });
});
