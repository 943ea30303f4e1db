import { describe, expect, it } from "vitest";
import { resolveRange } from "../../src/index.ts";

describe("ranges", () => {
  const heads = [5n, 5n, 9n, 20n, 33n].map((seq) => ({
    seq,
    chainHash: new Uint8Array(),
    root: new Uint8Array(),
    appendedAt: "",
    publishedAt: "",
    signedTime: 0n,
    subtrees: new Uint8Array(),
    logKeys: [],
  }));
  it("are moved outwards to heads, and shards lie side by side", () => {
    expect(resolveRange({ startSeq: 7n, endSeq: 10n }, heads, 0n)).toMatchObject({
      from: 6n,
      to: 20n,
      ofWhole: false,
    });
    for (let of = 1; of <= 12; of++) {
      for (const request of [{}, { startSeq: 7n }, { endSeq: 25n }]) {
        const whole = resolveRange(request, heads, 0n);
        const shards = Array.from({ length: of }, (_, k) =>
          resolveRange({ ...request, shard: { number: k + 1, of } }, heads, 0n),
        );
        expect(shards[0]?.from).toBe(whole.from);
        expect(shards.at(-1)?.to).toBe(whole.to);
        const ends = shards.slice(0, -1).map(({ to }) => (to ?? 0n) + 1n);
        expect(shards.slice(1).map(({ from }) => from)).toEqual(ends);
        expect(new Set(shards.map(({ ofWhole }) => ofWhole))).toEqual(new Set([whole.ofWhole]));
      }
    }
  });
  it("are cut up to the same head whatever is published after it, and the last shard goes on", () => {
    const shards = (known: typeof heads, of: number) =>
      Array.from({ length: of }, (_, k) => resolveRange({ cutSeq: 18n, shard: { number: k + 1, of } }, known, 0n));
    for (const of of [1, 2, 3, 7]) {
      expect(shards(heads, of).map(({ from, to }) => [from, to])).toEqual(
        shards(heads.slice(0, 4), of).map(({ from, to }) => [from, to]),
      );
      expect(shards(heads, of).at(-1)).toMatchObject({ to: undefined, ofWhole: true });
    }
  });
  it("are refused where there is none", () => {
    for (const request of [
      { startSeq: 0n },
      { startSeq: 5n, endSeq: 4n },
      { shard: { number: 3, of: 2 } },
      { shard: { number: 0, of: 2 } },
    ])
      expect(() => resolveRange(request, [], 0n)).toThrow(expect.objectContaining({ code: "range_invalid" }));
  });
});
