// What `merge` makes of the sums of shards, whoever has made them come out otherwise.
import { describe, expect, it } from "vitest";
import { tagKeyOf } from "../../src/bulk/share/tag-key.ts";
import { textOf } from "../../src/bulk/share/sums.ts";
import { Kernel } from "../../src/bulk/kernel.ts";
import type { ShardSums, SumText } from "../../src/report/shard-sums.ts";
import { isNextOf, openShards } from "../../src/shards/merge-sums.ts";
import { toPublished } from "./published.ts";

const HEAD = toPublished(30n, 1);
const KEY = tagKeyOf({ run: "17", secret: "a secret of sixteen" }, HEAD);
type Event = readonly [kind: string, key: string, payload: number];

/** The sum of events, and that of their keys. */
function sums(
  events: readonly Event[],
  tagKey = KEY,
): { readonly kinds: Map<string, SumText>; readonly keys: SumText } {
  const kernel = new Kernel(tagKey);
  for (const [kind, key, payload] of events) kernel.add(kind, key, new Uint8Array(32).fill(payload));
  const kinds = new Map((kernel.sums() ?? []).map(({ kind, ...sum }) => [kind, textOf(sum)]));
  const keys = textOf(kernel.keySum());
  kernel.release();
  return { kinds, keys };
}

interface Given {
  readonly links: readonly Event[];
  readonly index?: readonly Event[];
  readonly rows?: readonly Event[];
  readonly tagKey?: Uint8Array;
}

function shard(number: number, { links, index = links, rows, tagKey }: Given): { number: number; sums: ShardSums } {
  const of = sums(links, tagKey);
  return {
    number,
    sums: {
      blocks: { first: null, last: null },
      links: [...of.kinds].map(([kind, sum]) => ({ kind, ...sum })),
      keys: of.keys,
      index: { from: null, to: null, ...sums(index, tagKey).keys },
      tables:
        rows === undefined
          ? []
          : [{ kind: "note", rows: sums(rows, tagKey).kinds.get("note") ?? null, isDivided: false }],
      isInOrder: false,
    },
  };
}

const A: Event = ["note", "1", 1];
const B: Event = ["note", "2", 2];
const C: Event = ["thing", "1", 3];
const open = (...shards: { number: number; sums: ShardSums | null }[]) =>
  openShards(shards).map(({ number, reason }) => `${number}: ${reason}`);
const NOTE = "2: the rows of note do not add up to its events";
const KEYS = "an event is there twice, or the chain's index does not have the events of its links";

describe("sums of shards", () => {
  it("add up where rows, links and keys are the same, whoever has which", () => {
    expect(
      open(shard(1, { links: [A, C], index: [B] }), shard(2, { links: [B], index: [A, C], rows: [B, A] })),
    ).toEqual([]);
  });

  it("do not where a row is another one, is missing, is there twice or was read by two shards", () => {
    const others: readonly Event[][] = [
      [A],
      [A, B, B],
      [A, A, B],
      [B, ["note", "1", 2]],
      [
        ["note", "1", 2],
        ["note", "2", 1],
      ],
    ];
    for (const rows of others)
      expect(open(shard(1, { links: [A, C] }), shard(2, { links: [B], rows }))).toEqual([NOTE]);
  });

  it("do not where links were left out or counted twice, or the index has other keys", () => {
    expect(open(shard(1, { links: [C], index: [C] }), shard(2, { links: [B], rows: [A, B] }))).toEqual([NOTE]);
    const all = [1, 2].map((number) => `${number}: ${KEYS}`);
    expect(open(shard(1, { links: [A, C], index: [A] }), shard(2, { links: [B], rows: [A, B] }))).toEqual(all);
    expect(open(shard(1, { links: [A, C, A], index: [A, C] }), shard(2, { links: [B], rows: [A, B] }))).toEqual(all);
  });

  it("do not where one shard has tags of another run, secret or head", () => {
    for (const tagKey of [
      tagKeyOf({ run: "18", secret: "a secret of sixteen" }, HEAD),
      tagKeyOf({ run: "17", secret: "another secret of 16" }, HEAD),
      tagKeyOf({ run: "17", secret: "a secret of sixteen" }, toPublished(31n, 1)),
      tagKeyOf({ run: "17", secret: "a secret of sixteen" }, toPublished(30n, 2)),
    ])
      expect(open(shard(1, { links: [A, C] }), shard(2, { links: [B], rows: [A, B], tagKey }))).not.toEqual([]);
  });

  it("say nothing of a table with changes of its rows, nor where a shard has none", () => {
    const change: Event = ["note:update", "1@3", 1];
    expect(open(shard(1, { links: [A, change] }), shard(2, { links: [B], rows: [A, B] }))).toEqual([NOTE]);
    const alone = { number: 1, sums: null };
    expect(open(alone, shard(2, { links: [B], rows: [B] }))).toEqual(["2: shard 1 has nothing to add up"]);
    // What was compared in order needs no sums.
    const inOrder = shard(2, { links: [B] });
    expect(open(alone, { number: 2, sums: { ...inOrder.sums, isInOrder: true } })).toEqual([]);
  });

  it("are of parts that lie side by side, in the chain's table and in its index", () => {
    const at = (blocks: ShardSums["blocks"], from: string | null, to: string | null): ShardSums => ({
      ...shard(1, { links: [] }).sums,
      blocks,
      index: { from: from === null ? null : ["note", from], to: to === null ? null : ["note", to], count: 0, sum: "" },
    });
    const first = at({ first: null, last: 7 }, null, "5");
    expect(isNextOf(first, at({ first: 7, last: null }, "5", null), 9)).toBe(true);
    // Nobody has read what lies between them, or both have.
    for (const block of [6, 8, null])
      expect(isNextOf(first, at({ first: block, last: null }, "5", null), 9)).toBe(false);
    for (const key of ["4", "6", null]) expect(isNextOf(first, at({ first: 7, last: null }, key, null), 9)).toBe(false);
    // The link behind the cut had not come yet when the last one looked; or had not when the one before did.
    expect(isNextOf(first, at({ first: null, last: null }, "5", null), 0)).toBe(true);
    expect(isNextOf(at({ first: null, last: null }, null, "5"), at({ first: 7, last: null }, "5", null), 9)).toBe(true);
  });
});
