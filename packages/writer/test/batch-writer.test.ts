import { CoreError } from "@scidex/audit-core";
import { type AnyPgDatabase, attach } from "@scidex/audit-schema";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { append, createBatchWriter, type NewEvent, type Receipt, WriterError } from "../src/index.ts";
import { expectIntact, pendingCount } from "./chain.ts";
import { DRIVERS, type Opened, SERVERS } from "./databases.ts";

const event = (kind: string, i: number): NewEvent => ({ kind, pk: i, payload: { i } });
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe.each(Object.entries(DRIVERS))("a batch writer over drizzle with %s", (_name, open) => {
  let opened: Opened;
  let db: AnyPgDatabase;

  beforeEach(async () => {
    opened = await open();
    ({ db } = opened);
  });

  afterEach(async () => {
    await opened.close();
  });

  test("joins concurrent appends into few transactions and keeps the order of the calls", async () => {
    const writer = createBatchWriter(db, { maxBatch: 100, maxDelayMs: 5 });
    const receipts = await Promise.all(range(950).map((i) => writer.append(event(`k${i % 7}`, i))));
    expect(receipts.map(({ seq }) => seq)).toEqual(range(950).map((i) => BigInt(i + 1)));
    const links = await expectIntact(db);
    expect(links.map(({ eventPk }) => eventPk)).toEqual(range(950).map(String));
    // Rows of one transaction here have one time, since they were linked together.
    expect(new Set(links.map(({ appendedAt }) => appendedAt)).size).toBe(10);
    await writer.close();
  });

  test("an event that cannot be recorded fails alone, and the others keep their order", async () => {
    await append(db, { kind: "taken", pk: 1, payload: "another" });
    const writer = createBatchWriter(db, { maxBatch: 64, maxDelayMs: 5 });
    const outcomes = await Promise.allSettled(
      range(64).map((i) => {
        if (i === 5) return writer.append({ kind: "x", pk: 5, payload: Number.NaN });
        if (i === 17 || i === 18) return writer.append({ kind: "audit_chain_x", pk: i, payload: i });
        if (i === 40) return writer.append({ kind: "taken", pk: 1, payload: i });
        return writer.append(event("x", i));
      }),
    );
    const failed = outcomes.flatMap((o, i) =>
      o.status === "rejected" ? [[i, (o.reason as { code: string }).code]] : [],
    );
    expect(failed).toEqual([
      [5, "json_number"],
      [17, "reserved_kind"],
      [18, "reserved_kind"],
      [40, "conflict"],
    ]);
    expect(outcomes[5]).toMatchObject({ reason: expect.any(CoreError) });
    const kept = range(64).filter((i) => ![5, 17, 18, 40].includes(i));
    const links = await expectIntact(db);
    expect(links.slice(1).map(({ eventPk }) => eventPk)).toEqual(kept.map(String));
    expect(await pendingCount(db)).toBe(0);
    await writer.close();
  });

  test("close() writes what is held at once, and takes no more", async () => {
    const writer = createBatchWriter(db, { maxBatch: 10, maxDelayMs: 3_600_000 });
    const receipts = range(25).map((i) => writer.append(event("held", i)));
    await writer.close();
    expect(writer.held).toBe(0);
    expect((await Promise.all(receipts)).map(({ seq }) => seq)).toEqual(range(25).map((i) => BigInt(i + 1)));
    await expect(writer.append(event("late", 1))).rejects.toMatchObject({ code: "closed" });
    await writer.close();
    expect(await expectIntact(db)).toHaveLength(25);
  });

  test("ready() makes a producer that does not await wait", async () => {
    const writer = createBatchWriter(db, { maxBatch: 10, maxDelayMs: 0, maxHeld: 20 });
    const receipts: Promise<Receipt>[] = [];
    let most = 0;
    for (const i of range(300)) {
      await writer.ready();
      receipts.push(writer.append(event("flood", i)));
      most = Math.max(most, writer.held);
    }
    expect(most).toBe(20);
    await writer.close();
    expect((await Promise.all(receipts)).map(({ seq }) => seq)).toEqual(range(300).map((i) => BigInt(i + 1)));
  });

  test("an option that makes no sense is refused", () => {
    expect(() => createBatchWriter(db, { maxBatch: 0 })).toThrow(RangeError);
    expect(() => createBatchWriter(db, { maxDelayMs: Number.NaN })).toThrow(RangeError);
  });
});

describe.each(SERVERS)("a batch writer over drizzle with %s, beside others", (_name, open) => {
  let opened: Opened;
  let db: AnyPgDatabase;

  beforeEach(async () => {
    opened = await open();
    ({ db } = opened);
  });

  afterEach(async () => {
    await opened.close();
  });

  test("a lost connection fails exactly the events that were not acknowledged, and the next ones get a new one", async () => {
    await db.execute(sql`create function slow() returns trigger language plpgsql as
      'begin if new.event_kind = ''slow'' then perform pg_sleep(60); end if; return new; end'`);
    await db.execute(sql`create trigger slow before insert on audit_chain for each row execute function slow()`);
    const writer = createBatchWriter(db, { maxBatch: 3, maxDelayMs: 5 });
    const before = await Promise.all(range(3).map((i) => writer.append(event("before", i))));
    const lost = Promise.allSettled(
      [event("with", 1), event("slow", 1), event("with", 2)].map((e) => writer.append(e)),
    );
    const after = Promise.all(range(4).map((i) => writer.append(event("after", i))));
    await endSleeper(db);
    for (const outcome of await lost) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "connection_lost" } });
      expect(outcome).toMatchObject({ reason: expect.any(WriterError) });
    }
    const receipts = [...before, ...(await after)];
    expect((await expectIntact(db)).map(({ seq }) => seq)).toEqual(receipts.map(({ seq }) => seq));
    await writer.close();
  });

  test("what the database asks to repeat is repeated", async () => {
    await db.execute(sql`create sequence tries`);
    await db.execute(sql`create function shaky() returns trigger language plpgsql security definer as
      'begin if nextval(''public.tries'') % 3 <> 0 then raise exception ''again'' using errcode = ''40001''; end if; return new; end'`);
    await db.execute(
      sql`create trigger shaky before insert on audit_chain for each statement execute function shaky()`,
    );
    const writer = createBatchWriter(db, { maxBatch: 4, maxDelayMs: 1 });
    await Promise.all(range(12).map((i) => writer.append(event("shaky", i))));
    await writer.close();
    expect((await expectIntact(db)).map(({ eventPk }) => eventPk)).toEqual(range(12).map(String));
    const once = createBatchWriter(db, { maxBatch: 4, maxDelayMs: 1, attempts: 1 });
    await expect(once.append(event("shaky", 99))).rejects.toMatchObject({ code: "retry" });
  });

  test("writers beside it, and tables that are captured, get their links between its own", async () => {
    await db.execute(sql`create table notes (id bigint primary key)`);
    await attach(db, "notes", { mode: "strict" });
    const writers = range(3).map(() => createBatchWriter(db, { maxBatch: 20, maxDelayMs: 1 }));
    await Promise.all([
      ...range(300).map((i) => writers[i % 3]?.append(event(`w${i % 3}`, i))),
      ...range(30).map((i) => db.execute(sql`insert into notes values (${i})`)),
    ]);
    await Promise.all(writers.map((writer) => writer.close()));
    const links = await expectIntact(db);
    for (const w of range(3)) {
      const own = links.filter(({ eventKind }) => eventKind === `w${w}`).map(({ eventPk }) => Number(eventPk));
      expect(own).toEqual(range(300).filter((i) => i % 3 === w));
    }
    expect(links.filter(({ eventKind }) => eventKind === "notes")).toHaveLength(30);
  });
});

/** Ends the session that sleeps in a trigger, once there is one. */
async function endSleeper(db: AnyPgDatabase): Promise<void> {
  for (;;) {
    const ended = await db
      .select({ ok: sql`pg_terminate_backend(pid)` })
      .from(sql`pg_stat_activity`)
      .where(sql`wait_event = 'PgSleep' and datname = current_database()`);
    if (ended.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
