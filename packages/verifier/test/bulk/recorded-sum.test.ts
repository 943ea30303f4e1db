// Scenario: whether sums vouch for a table whose rows were recorded anew: what an honest publisher leaves, and what is
// otherwise in each of the ways that the comparison in order would find.
import { sha256 } from "@scidex/audit-core";
import { describe, expect, test } from "vitest";
import { Kernel } from "../../src/bulk/kernel.ts";
import { recordedSum } from "../../src/bulk/recorded-sum.ts";
import { isSameSum } from "../../src/bulk/vouch-links.ts";
import type { KindHistory } from "../../src/coverage/config.ts";
import type { Generation } from "../../src/coverage/generations.ts";
import type { OpenTable } from "../../src/rows/check-table.ts";
import { chainOf, copyOf, type Event, POSTGRES_EPOCH, TAG_KEY, taskOf, vouch } from "./links.ts";

/** The shape of the table has changed with the fourth link. */
const CHANGED = 4n;
const config = { kind: "t", action: "attach", members: ["a", "b"], columnTypes: ["text", "text"], changes: "refuse" };
const configs = [
  { ...config, seq: 0n },
  { ...config, seq: CHANGED, members: ["a"], columnTypes: ["text"] },
];
const history = { kind: "t", configs, current: configs[1] } as unknown as KindHistory;

/** How rows are read: those of before the change cannot be compared. */
const table = (excuse: string | null = "b was dropped"): OpenTable =>
  ({
    readings: [{}],
    ways: [
      { seq: 0n, excuse },
      { seq: CHANGED, excuse: null },
    ],
  }) as unknown as OpenTable;

const old = (key: string) => sha256(`old ${key}`);
const now = (key: string) => sha256(`now ${key}`);
const event = (key: string, payload: Uint8Array): Omit<Event, "micros"> => ({
  kind: "t",
  pk: key,
  isChange: false,
  payload,
});
const record = (key: string, seq: number, before = old(key), payload = now(key)): Omit<Event, "micros"> => ({
  kind: "t:record",
  pk: `${key}@${seq}`,
  isChange: true,
  payload,
  before,
});

/** Three rows, the change, all of them recorded anew, and a row that came later. */
const HONEST = [
  event("1", old("1")),
  event("2@8", old("2@8")),
  event("", old("")),
  { kind: "audit_chain_config", pk: "2", isChange: false },
  record("", 5),
  record("1", 6),
  record("2@8", 7),
  event("9", now("9")),
];
const ROWS: readonly (readonly [string, Uint8Array])[] = ["1", "2@8", "", "9"].map((key) => [key, now(key)]);

interface Given {
  readonly events?: readonly Omit<Event, "micros">[];
  readonly rows?: typeof ROWS;
  readonly toBeStated?: boolean;
  readonly generations?: readonly Generation[];
  readonly read?: OpenTable;
}

/** Whether the sums vouch for the table, and what is to be stated then. */
function judge({ events = HONEST, rows = ROWS, toBeStated = true, generations = [], read = table() }: Given) {
  const chain = chainOf(events.map((one, i) => ({ ...one, micros: POSTGRES_EPOCH + BigInt(i) })));
  const seqs = [CHANGED, ...generations.map(({ statement }) => statement.last.seq)];
  const vouched = vouch(copyOf(chain), { ...taskOf(null), cuts: seqs }, 10_000);
  if (vouched === null) throw new Error("the chain itself is not sound");
  const cuts = new Map(vouched.cuts.map((sums, i) => [seqs[i] ?? 0n, new Map(sums.map((sum) => [sum.kind, sum]))]));
  const last = { to: BigInt(chain.length), rows: chain.length, last: null, anchoredTo: 0n, startsAfter: null };
  const sums = { chain: last, sums: vouched.sums, cuts, tagKey: TAG_KEY };
  const wanted = recordedSum(history, sums, generations, { toBeStated, table: read });
  const kernel = new Kernel(TAG_KEY);
  for (const [key, hash] of rows) kernel.add("t", key, hash);
  const [sum] = kernel.sums() ?? [];
  return wanted === null || !isSameSum(wanted.sum, sum) ? "in order" : wanted.unstated;
}

const stated = (seq: bigint, to: bigint): Generation =>
  ({ seq: to + 1n, statement: { kind: "t", configuration: { seq }, last: { seq: to } } }) as unknown as Generation;

test("what was recorded anew is vouched for: to be stated, and once it is", () => {
  expect(judge({})).toBe(3);
  expect(judge({ toBeStated: false, generations: [stated(CHANGED, 7n)] })).toBeNull();
  expect(judge({ toBeStated: true, generations: [stated(CHANGED, 8n)] })).toBeNull();
});

test("nobody but the publisher believes what is not stated, and a statement reaches no further than it says", () => {
  expect(judge({ toBeStated: false })).toBe("in order");
  expect(judge({ generations: [stated(CHANGED, 6n)] })).toBe("in order");
  expect(judge({ toBeStated: false, generations: [stated(3n, 7n)] })).toBe("in order");
});

test("rows that can be compared are compared", () => {
  expect(judge({ read: table(null) })).toBe("in order");
  expect(judge({ read: { ...table(), readings: [{}, {}] } as unknown as OpenTable })).toBe("in order");
});

describe("is left to the comparison in order:", () => {
  const [one = event("", old("")), two = one, three = one, change = one, ...rest] = HONEST;
  const [first = one, second = one, third = one, young = one] = rest;
  const chains: readonly (readonly [string, readonly Omit<Event, "micros">[]])[] = [
    ["a row that was not recorded", [one, two, three, change, first, second, young]],
    ["a row that was recorded twice", [...HONEST, record("1", 9, now("1"), sha256("other"))]],
    ["two records of a row that undo each other", [...HONEST, record("1", 9, now("1"), old("1")), record("1", 10)]],
    [
      "a record that found something else",
      [one, two, three, change, first, record("1", 6, sha256("forged")), third, young],
    ],
    [
      "records that found what others had left",
      [one, two, three, change, record("", 5, old("1")), record("1", 6, old("")), third, young],
    ],
    [
      "a record that does not say what it found",
      [one, two, three, change, first, { ...second, isChange: false }, third, young],
    ],
    [
      "a record under another seq than its own",
      [one, two, three, change, first, { ...second, pk: "1@7" }, third, young],
    ],
    ["a record of a row that has no event", [...HONEST, record("7", 9)]],
    ["a record of a row that came later", [...HONEST, record("9", 9, now("9"))]],
    ["a record before the change", [one, two, record("1", 3), change, three, record("", 6), record("2@8", 7), young]],
    ["a record before its event", [one, record("", 2), three, change, record("1", 5)]],
  ];
  test.each(chains)("%s", (_, events) => {
    expect(judge({ events })).toBe("in order");
    const keys = new Set(events.flatMap(({ kind, pk }) => (kind === "t" ? [pk] : [])));
    expect(judge({ events, rows: [...keys].map((key) => [key, now(key)]) })).toBe("in order");
  });

  test("a row that was edited, one that is gone, one too many", () => {
    expect(judge({ rows: ROWS.map(([key, hash]) => [key, key === "1" ? old("1") : hash]) })).toBe("in order");
    expect(judge({ rows: ROWS.slice(1) })).toBe("in order");
    expect(judge({ rows: [...ROWS, ["5", now("5")]] })).toBe("in order");
    expect(judge({ rows: [...ROWS.slice(1), ["5", now("5")]] })).toBe("in order");
  });
});
