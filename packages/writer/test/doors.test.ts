import { clientAt, CoreError, fromHex, payloadHash, placeOf, toHex } from "@scidex/audit-core";
import { type AnyPgDatabase, attach, migrate } from "@scidex/audit-schema";
import { createDatabase } from "@scidex/audit-testkit";
import { sql } from "drizzle-orm";
import { drizzle as overPg } from "drizzle-orm/node-postgres";
import { drizzle } from "drizzle-orm/postgres-js";
import { Pool } from "pg";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  append,
  appendMany,
  createBatchWriter,
  enqueue,
  MAX_EVENTS_PER_STATEMENT,
  type NewEvent,
  WriterError,
} from "../src/index.ts";
import { expectIntact, pendingCount, readChain, tip } from "./chain.ts";
import { CHAIN, DRIVERS, type Opened } from "./databases.ts";

/** Awaits a rejection and returns what a caller can switch on. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof WriterError || error instanceof CoreError) return `${error.name} ${error.code}`;
  throw new Error(`expected an error of ours, not ${String(error)}`, { cause: error });
}

const cycle: Record<string, unknown> = {};
cycle["self"] = cycle;

const BAD: readonly [what: string, event: unknown, code: string][] = [
  ["NaN in the payload", { kind: "k", pk: "1", payload: { a: Number.NaN } }, "CoreError json_number"],
  ["a lone surrogate in the payload", { kind: "k", pk: "1", payload: ["\ud800"] }, "CoreError json_surrogate"],
  ["a cycle in the payload", { kind: "k", pk: "1", payload: cycle }, "CoreError json_cycle"],
  ["no payload", { kind: "k", pk: "1" }, "CoreError json_unsupported"],
  ["a payload and a hash", { kind: "k", pk: "1", payload: 1, payloadHash: "00".repeat(32) }, "WriterError bad_event"],
  ["a hash of 31 bytes", { kind: "k", pk: "1", payloadHash: new Uint8Array(31) }, "WriterError bad_event"],
  ["a hash in upper case", { kind: "k", pk: "1", payloadHash: "AB".repeat(32) }, "WriterError bad_event"],
  ["an empty kind", { kind: "", pk: "1", payload: 1 }, "WriterError bad_event"],
  ["a kind of 201 bytes", { kind: `${"é".repeat(100)}x`, pk: "1", payload: 1 }, "WriterError bad_event"],
  ["a kind with NUL", { kind: "a\0b", pk: "1", payload: 1 }, "WriterError bad_event"],
  ["a key of 2,001 bytes", { kind: "k", pk: "x".repeat(2001), payload: 1 }, "WriterError bad_event"],
  ["a key with NUL", { kind: "k", pk: "a\0b", payload: 1 }, "WriterError bad_event"],
  ["a key with a lone surrogate", { kind: "k", pk: "\udfff", payload: 1 }, "WriterError bad_event"],
  ["no key", { kind: "k", payload: 1 }, "WriterError bad_event"],
  ["a key without parts", { kind: "k", pk: [], payload: 1 }, "WriterError bad_event"],
  ["a number that is no safe integer as key", { kind: "k", pk: 2 ** 53, payload: 1 }, "WriterError bad_event"],
  ["a reserved kind", { kind: "audit_chain_config", pk: "1", payload: 1 }, "WriterError reserved_kind"],
  ["a kind with a colon", { kind: "t:erase", pk: "1@5", payload: 1 }, "WriterError reserved_kind"],
  ["a kind with a lone surrogate", { kind: "\ud800", pk: "1", payload: 1 }, "WriterError bad_event"],
  ["an audited table's kind", { kind: "notes", pk: "9", payload: 1 }, "WriterError reserved_kind"],
  ["an audited table's changes", { kind: "notes:update", pk: "9@9", payload: 1 }, "WriterError reserved_kind"],
];

describe.each(Object.entries(DRIVERS))("over drizzle with %s", (_name, open) => {
  let opened: Opened;
  let db: AnyPgDatabase;

  beforeAll(async () => {
    opened = await open();
    ({ db } = opened);
    await db.execute(sql`create table notes (id bigint primary key, body text)`);
    await attach(db, "notes", { mode: "strict" });
  });

  afterAll(async () => {
    await opened.close();
  });

  test("an event is appended in the caller's own transaction, and the receipt is its link", async () => {
    const receipt = await db.transaction(async (tx) => {
      await tx.execute(sql`insert into notes values (1, 'beside it')`);
      return await append(tx, { kind: "model_release", pk: "m-1", payload: { id: "m-1", size: 7n } });
    });
    const link = (await expectIntact(db)).find(({ seq }) => seq === receipt.seq);
    expect(link).toMatchObject({ eventKind: "model_release", eventPk: "m-1", appendedAt: receipt.appendedAt });
    expect(link?.payloadHash).toEqual(payloadHash({ id: "m-1", size: "7" }));
    expect(link?.eventHash).toEqual(fromHex(receipt.eventHash));
    expect(link?.chainHash).toEqual(fromHex(receipt.chainHash));
    expect(receipt.appendedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  test("a receipt's time is UTC with six digits, whatever the session's settings are", async () => {
    const receipt = await db.transaction(async (tx) => {
      await tx.execute(sql`set local timezone = 'Asia/Kathmandu'`);
      await tx.execute(sql`set local datestyle = 'German'`);
      await tx.execute(sql`set local bytea_output = 'escape'`);
      return await append(tx, { kind: "settings", pk: 1, payload: null });
    });
    const link = (await expectIntact(db)).find(({ seq }) => seq === receipt.seq);
    expect(link).toMatchObject({ appendedAt: receipt.appendedAt, eventPk: "1" });
    expect(link?.chainHash).toEqual(fromHex(receipt.chainHash));
  });

  test("keys are text, numbers, bigints or lists of these", async () => {
    const long = "k".repeat(2000);
    const odd = `"quoted", \\back\\slash {brace} 'single' \n\t \u{1f600} NULL`;
    const pks: NewEvent["pk"][] = [-0, 12, 2n ** 63n, "", odd, long, ["a", 1, 2n], ['"', "\\"], ["one"]];
    const expected = ["0", "12", "9223372036854775808", "", odd, long, '["a","1","2"]', '["\\"","\\\\"]', "one"];
    await appendMany(
      db,
      pks.map((pk) => ({ kind: 'ke"y\\s', pk, payload: {} })),
    );
    for (const pk of pks) await append(db, { kind: "keys, one by one", pk, payload: {} });
    const links = await expectIntact(db);
    for (const kind of ['ke"y\\s', "keys, one by one"]) {
      expect(links.filter((link) => link.eventKind === kind).map((link) => link.eventPk)).toEqual(expected);
    }
  });

  test("a payload's hash may be given instead, as bytes or as hex", async () => {
    const hash = payloadHash({ a: 1 });
    const first = await append(db, { kind: "hashed", pk: "1", payload: { a: 1 } });
    expect(await append(db, { kind: "hashed", pk: "1", payloadHash: hash })).toEqual(first);
    expect(await append(db, { kind: "hashed", pk: "1", payloadHash: toHex(hash) })).toEqual(first);
    expect(await append(db, { kind: "hashed", pk: "1", payloadHash: Buffer.from(hash) })).toEqual(first);
  });

  test("the same event again is the same link; with another payload it is a conflict that changes nothing", async () => {
    const first = await append(db, { kind: "again", pk: "1", payload: "a" });
    expect(await append(db, { kind: "again", pk: "1", payload: "a" })).toEqual(first);
    expect(await appendMany(db, [{ kind: "again", pk: "1", payload: "a" }])).toEqual([first]);
    const before = await readChain(db);
    expect(await codeOf(append(db, { kind: "again", pk: "1", payload: "b" }))).toBe("WriterError conflict");
    const two: NewEvent[] = [
      { kind: "again", pk: "2", payload: "a" },
      { kind: "again", pk: "1", payload: "b" },
    ];
    expect(await codeOf(appendMany(db, two))).toBe("WriterError conflict");
    expect(await readChain(db)).toEqual(before);
    expect(await pendingCount(db)).toBe(0);
  });

  test("many events are linked in the order given, with a receipt for each, in that order", async () => {
    const events = Array.from({ length: 500 }, (_, i) => ({
      kind: `many ${i % 3}`,
      pk: `${(i * 7919) % 500}`,
      payload: i,
    }));
    const receipts = await appendMany(db, [...events, ...events.slice(0, 2)]);
    const links = await expectIntact(db);
    const first = receipts[0]?.seq ?? 0n;
    expect(receipts.slice(0, 500).map(({ seq }) => seq)).toEqual(events.map((_, i) => first + BigInt(i)));
    expect(receipts.slice(500)).toEqual(receipts.slice(0, 2));
    const linked = links.filter(({ seq }) => seq >= first && seq < first + 500n);
    expect(linked.map(({ eventKind, eventPk }) => [eventKind, eventPk])).toEqual(events.map((e) => [e.kind, e.pk]));
    expect(await appendMany(db, [])).toEqual([]);
  });

  test("a transaction or savepoint that is rolled back leaves nothing, not even a gap", async () => {
    const before = await readChain(db);
    const failed = db.transaction(async (tx) => {
      await append(tx, { kind: "rolled back", pk: "1", payload: 1 });
      await enqueue(tx, { kind: "rolled back", pk: "2", payload: 1 });
      throw new Error("on purpose");
    });
    await expect(failed).rejects.toThrow("on purpose");
    expect(await readChain(db)).toEqual(before);
    expect(await pendingCount(db)).toBe(0);
    await db.transaction(async (tx) => {
      const lost = tx.transaction(async (savepoint) => {
        await appendMany(savepoint, [{ kind: "rolled back", pk: "3", payload: 1 }]);
        throw new Error("on purpose");
      });
      await expect(lost).rejects.toThrow("on purpose");
      const receipt = await append(tx, { kind: "kept", pk: "1", payload: 1 });
      expect(receipt.seq).toBe(BigInt(before.length + 1));
    });
    expect((await expectIntact(db)).length).toBe(before.length + 1);
  });

  test("what is enqueued is linked by the sealer", async () => {
    await enqueue(db, { kind: "enqueued", pk: ["a", 1], payload: { x: 1 } });
    expect(await pendingCount(db)).toBe(1);
    await db.execute(sql`select public.audit_chain_seal(1000)`);
    const [link] = (await expectIntact(db)).slice(-1);
    expect(link).toMatchObject({ eventKind: "enqueued", eventPk: '["a","1"]', payloadHash: payloadHash({ x: 1 }) });
    expect(await pendingCount(db)).toBe(0);
  });

  test.each(BAD)("%s is an error that changes nothing", async (_what, event, code) => {
    const before = await tip(db);
    const good: NewEvent = { kind: "good", pk: code, payload: 1 };
    expect(await codeOf(append(db, event as NewEvent))).toBe(code);
    expect(await codeOf(appendMany(db, [good, event as NewEvent]))).toBe(code);
    expect(await codeOf(enqueue(db, event as NewEvent))).toBe(code);
    expect(await tip(db)).toEqual(before);
    expect(await pendingCount(db)).toBe(0);
  });

  test("an error names what to do, and not the statement", async () => {
    const error: unknown = await append(db, { kind: "notes", pk: "1", payload: "secret" }).catch((e: unknown) => e);
    expect(error).toMatchObject({
      message: expect.stringMatching(/belongs to an audited table\. Insert the row into/),
    });
    expect(String(error)).not.toMatch(/select|params/i);
  });

  test("a transaction that has failed before is `aborted`, a read-only one has `no_right`", async () => {
    const aborted = db.transaction(async (tx) => {
      await tx.execute(sql`select 1 / 0`).catch(() => {});
      await append(tx, { kind: "aborted", pk: "1", payload: 1 });
    });
    expect(await codeOf(aborted)).toBe("WriterError aborted");
    const readOnly = db.transaction((tx) => append(tx, { kind: "read only", pk: "1", payload: 1 }), {
      accessMode: "read only",
    });
    expect(await codeOf(readOnly)).toBe("WriterError no_right");
  });

  test("more events than one statement takes are recorded all or not at all", async () => {
    const events = Array.from({ length: MAX_EVENTS_PER_STATEMENT + 5 }, (_, i) => ({
      kind: "chunks",
      pk: i,
      payloadHash: payloadHash(i),
    }));
    const before = (await readChain(db)).length;
    const [last] = events.slice(-1);
    if (last === undefined) throw new Error("there are events");
    const bad = [...events, { ...last, payloadHash: payloadHash("another") }];
    expect(await codeOf(appendMany(db, bad))).toBe("WriterError conflict");
    expect((await readChain(db)).length).toBe(before);
    const receipts = await appendMany(db, events);
    expect(receipts.map(({ seq }) => seq)).toEqual(events.map((_, i) => BigInt(before + 1 + i)));
    await expectIntact(db);
  });
});

test.each(["camel", "pascal"] as const)("a client that renames columns (%s) gets its receipts", async (renaming) => {
  const database = await createDatabase({ template: CHAIN });
  const client = postgres(database.url, { max: 1, onnotice: () => {}, transform: postgres[renaming] });
  try {
    const db = drizzle(client);
    const receipts = [
      await append(db, { kind: "k", pk: "1", payload: 1 }),
      ...(await appendMany(db, [{ kind: "k", pk: "2", payload: 2 }])),
    ];
    const links = await readChain(drizzle(database.sql));
    expect(receipts).toEqual(
      links.map(({ seq, eventHash, chainHash, appendedAt }) => ({
        seq,
        eventHash: toHex(eventHash),
        chainHash: toHex(chainHash),
        appendedAt,
      })),
    );
  } finally {
    await client.end();
    await database.drop();
  }
});

test("a chain in a schema of its own is written over any driver, by the schema's name", async () => {
  const database = await createDatabase();
  const pool = new Pool({ connectionString: database.url, max: 2 });
  const setUp = clientAt(postgres(database.url, { max: 1, onnotice: () => {} }), placeOf({ schema: "log" }));
  try {
    await migrate(drizzle(setUp));
    const db = overPg(pool);
    const chain = { schema: "log" };
    await append(db, { kind: "k", pk: "1", payload: 1 }, chain);
    await appendMany(db, [{ kind: "k", pk: "2", payload: 2 }], chain);
    await enqueue(db, { kind: "k", pk: "3", payload: 3 }, chain);
    const writer = createBatchWriter(db, chain);
    expect(await writer.append({ kind: "k", pk: "4", payload: 4 })).toMatchObject({ seq: 3n });
    await writer.close();
    expect(await database.sql`select event_pk from log.audit_chain order by seq`.values()).toEqual([
      ["1"],
      ["2"],
      ["4"],
    ]);
    expect(await database.sql`select event_pk from log.audit_chain_pending`.values()).toEqual([["3"]]);
    expect(await codeOf(append(db, { kind: "k", pk: "5", payload: 5 }, { schema: "log; drop" }))).toBe(
      "CoreError place_malformed",
    );
  } finally {
    await pool.end();
    await setUp.end();
    await database.drop();
  }
});
