import { createDatabase, type TestDatabase } from "@scidex/audit-testkit";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { copyText, quote } from "../../../../packages/schema/test/recompute.ts";
import { fillRows, OWN_TYPES, VALUES } from "../../../../packages/schema/test/type-values.ts";
import { decodeMessage } from "../../src/capture/pgoutput/decode-message.ts";
import type { Lsn } from "../../src/capture/pgoutput/lsn.ts";
import type { Message, Row } from "../../src/capture/pgoutput/message.ts";
import { ReplicationStream } from "../../src/capture/replication/stream.ts";

/** A database with a publication of all its tables and a slot. */
async function published(): Promise<TestDatabase & { readonly slot: string }> {
  const database = await createDatabase();
  const { name: slot, sql } = database;
  await sql.unsafe("create publication audit for all tables");
  await sql`select from pg_create_logical_replication_slot(${slot}, 'pgoutput')`;
  onTestFinished(async () => {
    await sql`select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = ${slot}`;
    await expect.poll(async () => drop(database), { timeout: 30_000 }).toBe("dropped");
    await database.drop();
  });
  return { ...database, slot };
}

async function drop({ sql, name }: TestDatabase): Promise<string> {
  return await sql`select from pg_drop_replication_slot(${name})`.then(
    () => "dropped",
    (error: unknown) => String(error),
  );
}

/** What a stream has brought so far. */
async function follow({ sql, slot }: { readonly sql: TestDatabase["sql"]; readonly slot: string }, from: Lsn = 0n) {
  const messages: Message[] = [];
  let sent: Lsn = 0n;
  const stream = await ReplicationStream.open(
    sql.options,
    { slot, publications: ["audit"], from },
    {
      message: (bytes) => messages.push(decodeMessage(bytes)),
      sentUpTo: (lsn) => {
        sent = lsn;
      },
    },
  );
  onTestFinished(async () => stream.close());
  const commits = () => messages.flatMap((message) => (message.type === "commit" ? [message.endLsn] : []));
  const rows = () => messages.flatMap((message) => (message.type === "insert" ? [message.after] : []));
  return { stream, messages, commits, rows, sent: () => sent };
}

test("every type has the text that COPY prints, whatever the login, the database and the writer have set", async () => {
  const database = await published();
  const { sql, name } = database;
  await sql.unsafe(`${OWN_TYPES}; create schema v`);
  const count = await fillRows(sql, "v");
  for (const setting of [
    "datestyle = 'SQL, DMY'",
    "timezone = 'America/St_Johns'",
    "intervalstyle = 'iso_8601'",
    "bytea_output = 'escape'",
    "extra_float_digits = -15",
    "quote_all_identifiers = on",
    "search_path = public",
    "lc_monetary = 'C.UTF-8'",
    "client_encoding = 'LATIN1'",
  ])
    await sql.unsafe(`alter database ${name} set ${setting}`);
  const { rows } = await follow(database);
  // `filled` came first, while the slot was there already.
  await sql.unsafe("set datestyle = 'German, YMD'; insert into v.rows select * from v.filled");
  await expect.poll(() => rows().length, { timeout: 30_000 }).toBe(2 * count);

  const columns = ["id", ...Object.keys(VALUES).map((_, i) => `c${i}`)];
  const copied = await copyText(sql, `select ${columns.map(quote).join(", ")} from v.rows order by id`);
  const streamed = rows().slice(count);
  expect(streamed).toEqual(copied.map((row) => row.map((text) => text ?? null)));
});

test("what was not acknowledged comes again, what was does not", async () => {
  const database = await published();
  const { sql } = database;
  await sql.unsafe("create table t (id int primary key); insert into t values (1)");
  await sql.unsafe("insert into t values (2), (3)");
  const first = await follow(database);
  await expect.poll(() => first.rows(), { timeout: 30_000 }).toEqual([["1"], ["2"], ["3"]]);
  await first.stream.close();

  const second = await follow(database);
  await expect.poll(() => second.rows(), { timeout: 30_000 }).toEqual([["1"], ["2"], ["3"]]);
  const [one, two] = second.commits().slice(-2);
  second.stream.acknowledge(one ?? 0n);
  const confirmed = async () =>
    (
      await sql`select confirmed_flush_lsn - '0/0'::pg_lsn as at from pg_replication_slots where slot_name = ${database.slot}`
    )[0]?.["at"];
  await expect.poll(confirmed, { timeout: 30_000 }).toBe(String(one));
  // The timer tells the server of it too, and nothing newer.
  await second.stream.close();

  const third = await follow(database);
  await expect.poll(() => third.rows(), { timeout: 30_000 }).toEqual([["2"], ["3"]]);
  expect(third.commits()).toEqual([two]);
});

test("a position of ours that is later than the slot's is gone on from", async () => {
  const database = await published();
  const { sql } = database;
  await sql.unsafe("create table t (id int primary key); insert into t values (1)");
  const first = await follow(database);
  await expect.poll(() => first.rows().length, { timeout: 30_000 }).toBe(1);
  const end = first.commits().at(-1) ?? 0n;
  await first.stream.close();
  await sql.unsafe("insert into t values (2)");
  const second = await follow(database, end);
  await expect.poll(() => second.rows(), { timeout: 30_000 }).toEqual([["2"]]);
});

test("while it is paused the server waits, also within a transaction of hundreds of thousands of rows", async () => {
  const database = await published();
  const { sql } = database;
  await sql.unsafe("create table t (id int primary key, filler text)");
  const { stream, rows, messages } = await follow(database);
  stream.pause();
  await sql.unsafe("insert into t select n, repeat('x', 100) from generate_series(1, 200000) n");
  await sleep(1500);
  const early = rows().length;
  expect(early).toBeLessThan(5000);
  stream.resume();
  await expect.poll(() => rows().length, { timeout: 60_000 }).toBe(200_000);
  expect(messages.at(-1)?.type).toBe("commit");
  expect(rows().every(([id]: Row, i) => id === String(i + 1))).toBe(true);
});

test("closed while the server waits to send, it leaves the slot free, and ends at once", async () => {
  const database = await published();
  const { sql, slot } = database;
  await sql`create table t (id int primary key, note text)`;
  const { stream, messages } = await follow(database);
  stream.pause();
  await sql`insert into t select n, repeat('x', 200) from generate_series(1, 100000) as n`;
  // More than the sockets take: the server is in the midst of sending, and hears nothing.
  await sleep(1_000);
  expect(messages.length).toBeLessThan(100_000);
  await stream.close();
  const isActive = async () =>
    (await sql`select active from pg_replication_slots where slot_name = ${slot}`)[0]?.["active"];
  await expect.poll(isActive, { timeout: 4_000 }).toBe(false);
});

test("rolled back, nothing comes; prepared, it comes when it is committed; the server says how far it has sent", async () => {
  const database = await published();
  const { sql } = database;
  await sql.unsafe("create table t (id int primary key)");
  const { rows, sent } = await follow(database);
  const writer = await sql.reserve();
  await writer.unsafe("begin; insert into t values (1); rollback");
  await writer.unsafe("begin; insert into t values (2); prepare transaction 'audit stream'");
  await writer.unsafe("begin; insert into t values (3); savepoint a; insert into t values (4); rollback to a; commit");
  writer.release();
  await expect.poll(() => rows(), { timeout: 30_000 }).toEqual([["3"]]);
  await sql.unsafe("commit prepared 'audit stream'");
  await expect.poll(() => rows(), { timeout: 30_000 }).toEqual([["3"], ["2"]]);
  const [at] = await sql`select pg_current_wal_lsn() - '0/0'::pg_lsn as lsn`;
  await expect.poll(() => sent() >= BigInt(String(at?.["lsn"])), { timeout: 30_000 }).toBe(true);
});

test("a stream that the server ends is lost, and so is one whose reader fails", async () => {
  const database = await published();
  const { sql, slot } = database;
  await sql.unsafe("create table t (id int primary key)");
  const first = await follow(database);
  await sql`select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = ${slot}`;
  await expect(first.stream.lost).rejects.toMatchObject({ code: expect.stringMatching(/^57P01$|^CONNECTION_/) });

  const failing = await ReplicationStream.open(
    sql.options,
    { slot, publications: ["audit"], from: 0n },
    {
      message: () => {
        throw new Error("cannot be read");
      },
      sentUpTo: () => {},
    },
  );
  await sql.unsafe("insert into t values (1)");
  await expect(failing.lost).rejects.toThrow("cannot be read");
});

test("a slot that is not there is the server's own error", async () => {
  const { sql } = await published();
  const opening = ReplicationStream.open(
    sql.options,
    { slot: "not_there", publications: ["audit"], from: 0n },
    { message: () => {}, sentUpTo: () => {} },
  );
  await expect(opening).rejects.toMatchObject({ code: "42704" });
});
