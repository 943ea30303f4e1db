import { isDeepStrictEqual } from "node:util";
import { canonicalJson } from "@scidex/audit-core";
import type { AnyPgDatabase } from "@scidex/audit-schema";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { append, appendMany, createBatchWriter, type NewEvent, type Receipt } from "../src/index.ts";
import { receiptsOf } from "../src/receipt.ts";
import { DRIVERS, type Opened } from "./databases.ts";

const event = (kind: string): NewEvent => ({ kind, pk: 1, payload: 1 });

/** Ways to a receipt. */
const WAYS: readonly [string, (db: AnyPgDatabase) => Promise<Receipt | undefined>][] = [
  ["append", (db) => append(db, event("append"))],
  ["appendMany", async (db) => (await appendMany(db, [event("many"), event("more")])).at(-1)],
  [
    "the batch writer",
    async (db) => {
      const writer = createBatchWriter(db);
      const receipt = await writer.append(event("batch"));
      await writer.close();
      return receipt;
    },
  ],
];

let opened: Opened;

beforeAll(async () => {
  opened = await DRIVERS.PGlite();
});

afterAll(() => opened.close());

describe.each(WAYS)("a receipt of %s", (_name, receiptOf) => {
  let receipt: Receipt;
  let plain: Receipt;

  beforeAll(async () => {
    const one = await receiptOf(opened.db);
    if (one === undefined) throw new Error("there is one");
    receipt = one;
    const { seq, eventHash, chainHash, appendedAt } = receipt;
    plain = { seq, eventHash, chainHash, appendedAt };
  });

  test("is written by JSON.stringify, alone and within others, with its seq as a number", () => {
    const { eventHash, chainHash, appendedAt } = receipt;
    const json = { seq: Number(receipt.seq), eventHash, chainHash, appendedAt };
    expect(JSON.stringify(receipt)).toBe(JSON.stringify(json));
    expect(JSON.parse(JSON.stringify({ ok: true, receipts: [receipt] }))).toEqual({ ok: true, receipts: [json] });
  });

  test("equals a plain object of its members, and so do its copies", () => {
    expect(typeof receipt.seq).toBe("bigint");
    expect(receipt).toStrictEqual(plain);
    expect(isDeepStrictEqual(receipt, plain)).toBe(true);
    expect({ ...receipt }).toStrictEqual(plain);
    expect(structuredClone(receipt)).toStrictEqual(plain);
    expect(Object.keys(receipt)).toEqual(["seq", "eventHash", "chainHash", "appendedAt"]);
  });

  test("is hashed in a payload as its JSON is", () => {
    expect(canonicalJson({ receipt })).toBe(canonicalJson({ receipt: JSON.parse(JSON.stringify(receipt)) as unknown }));
  });
});

test("a seq beyond 2^53 - 1 is written as decimal text", async () => {
  const row = (seq: string) =>
    `(select ${seq}::int8 as seq, ''::bytea as event_hash, ''::bytea as chain_hash, now() as appended_at)`;
  const [last] = await receiptsOf(opened.db, row("9007199254740991"));
  const [beyond] = await receiptsOf(opened.db, row("9007199254740993"));
  expect(JSON.stringify(last)).toMatch(/^\{"seq":9007199254740991,/);
  expect(JSON.stringify(beyond)).toMatch(/^\{"seq":"9007199254740993",/);
});
