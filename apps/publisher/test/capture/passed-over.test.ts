/** What would have changes passed over without a word: decoys, leaves, and what stands for a table (docs/threats.md, C19). */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Captured, captured } from "./capturing.ts";

const TABLES = `create table t (id int primary key, note text);
  create table p (id int primary key, note text) partition by range (id); create table p_1 partition of p for values from (0) to (1000)`;

async function withRows(): Promise<Captured & { readonly publication: string; readonly slot: string }> {
  const log = await captured(TABLES);
  await log.attach("t");
  await log.attach("p", { changes: "track" });
  await log.sql.unsafe("insert into t values (1, 'a'); insert into p values (1, 'a')");
  await log.once();
  const [names] = await log.sql<{ publication: string; slot: string }[]>`
    select (select pubname::text from pg_publication) as publication, (select slot_name::text from pg_replication_slots where database = current_database()) as slot`;
  return { ...log, publication: names?.publication ?? "", slot: names?.slot ?? "" };
}

/** Changes that leave everything as it was, in one transaction, between whatever else is done in it. */
const past = async ({ sql }: Captured, before = "", after = "") =>
  await sql.begin(async (tx) => {
    await tx.unsafe(before);
    await tx.unsafe(`set local session_replication_role = replica; insert into t values (50, 'hidden'); delete from t where id = 50;
      insert into p values (50, 'hidden'); delete from p where id = 50; set local session_replication_role = origin`);
    await tx.unsafe(after);
  });

const linked = async ({ sql }: Captured, kind: string) =>
  (await sql`select from audit_chain where event_kind = ${kind} and event_pk = '50'`).length;

test("a position that was given a decoy's publication is a gap", async () => {
  const log = await withRows();
  await log.sql.unsafe("create publication audit_chain_decoy");
  await log.sql`update audit_chain_position set publications = '{audit_chain_decoy}'`;
  await past(log);
  await log.once();
  expect(log.gaps[0]).toContain("follows the publications audit_chain_decoy: these are not");
  // Up to PostgreSQL 17, what was written before there was a decoy cannot be decoded with it.
  const { length } = log.gaps;
  await log.sql.unsafe("insert into t values (2, 'seen')");
  await log.once();
  expect(log.gaps.length).toBe(length);
});

test("a slot of another kind under the slot's name is a gap, and capture goes on with one of its own", async () => {
  const log = await withRows();
  for (const [i, make] of [
    "pg_create_physical_replication_slot($1)",
    "pg_create_logical_replication_slot($1, 'test_decoding')",
  ].entries()) {
    await log.sql`select pg_drop_replication_slot(${log.slot})`;
    await log.sql.unsafe(`select from ${make}`, [log.slot]);
    await log.once();
    expect(log.gaps.slice(i)).toEqual([expect.stringContaining("is another one than capture makes")]);
    await log.sql`insert into t values (${i + 2}, 'seen')`;
    expect(await log.once()).toBe(1);
  }
});

test("a table that is out of its publication within one transaction, whatever that records as well, is a gap", async () => {
  const log = await withRows();
  const running = log.start();
  await log.sql.unsafe("insert into t values (2, 'b')");
  await past(
    log,
    `alter publication ${log.publication} drop table t`,
    "alter table t add column more int; select audit_chain_sync('t')",
  );
  await expect.poll(() => log.gaps, { timeout: 20_000 }).toEqual([expect.stringContaining("was taken out")]);
  await running.stop();
  expect(await linked(log, "t")).toBe(0);
});

test("a partition that is filtered, for good or within one transaction, is a gap, also where it came later; one that comes whole is none", async () => {
  const log = await withRows();
  const { sql, publication } = log;
  const running = log.start();
  // One that the whole alone sends, until sync.
  await sql.unsafe(
    "create table p_2 partition of p for values from (1000) to (2000); insert into p values (1000, 'seen')",
  );
  await expect
    .poll(async () => (await sql`select from audit_chain where event_kind = 'p'`).length, { timeout: 20_000 })
    .toBe(2);
  await sql.unsafe(`alter publication ${publication} add table p_2`);
  await sql`select audit_chain_sync('p')`;
  await sleep(1_500);
  expect(log.gaps).toEqual([]);
  const filtered = `alter publication ${publication} drop table p_1; alter publication ${publication} add table p_1 where (id < 10)`;
  const whole = `alter publication ${publication} drop table p_1; alter publication ${publication} add table p_1`;
  for (const [i, after] of [whole, ""].entries()) {
    await past(log, filtered, after);
    await expect.poll(() => log.gaps.length, { timeout: 20_000 }).toBe(i + 1);
  }
  await running.stop();
  expect(await linked(log, "p")).toBe(0);
  await log.once();
  expect(log.gaps.length).toBe(2);
});

test("a filter of a partition that came later is a gap while it stands", async () => {
  const log = await withRows();
  await log.sql.unsafe(
    `create table p_2 partition of p for values from (1000) to (2000); alter publication ${log.publication} add table p_2 where (id < 10)`,
  );
  await log.once();
  expect(log.gaps).toEqual([expect.stringContaining("was taken out")]);
});

test("a table that nothing stands for any more, for a moment or while capture is down, is followed all the same, and said", async () => {
  const log = await withRows();
  const point = async (at: string) => log.sql.unsafe(`update audit_chain_relation set relid = ${at} where kind = 't'`);
  const running = log.start();
  await log.sql.unsafe("insert into t values (2, 'b')");
  await expect
    .poll(async () => (await log.sql`select from audit_chain where event_kind = 't'`).length, { timeout: 20_000 })
    .toBe(2);
  await point("0");
  await past(log, "alter table t alter note set statistics 10");
  await expect.poll(() => linked(log, "t"), { timeout: 20_000 }).toBe(1);
  await point("'t'::regclass");
  await running.stop();
  expect(log.notices.map(({ check, eventKind }) => `${check} ${eventKind}`)).toContain("relation_changed t");
  const before = log.gaps.length;
  await log.sql.unsafe("delete from audit_chain_relation where kind = 't'");
  await log.once();
  expect(log.gaps.slice(before)).toEqual([expect.stringContaining("what stands for the table of the kind")]);
});

test("a table that is dropped is no gap: that is the verifier's", async () => {
  const log = await withRows();
  const running = log.start();
  await log.sql.unsafe("drop table t; drop table p_1");
  await sleep(1_500);
  await log.sql.unsafe(
    "create table p_2 partition of p for values from (0) to (100); insert into p values (2, 'seen')",
  );
  await expect
    .poll(async () => (await log.sql`select from audit_chain where event_kind = 'p'`).length, { timeout: 20_000 })
    .toBe(2);
  await running.stop();
  await log.once();
  expect([log.gaps, log.notices]).toEqual([[], []]);
});

test("the identity that a partition had before capture was started again, and has not now, is said", async () => {
  const log = await withRows();
  await log.sql.unsafe("update p set note = 'b'");
  await log.once();
  await log.sql.unsafe("alter table p_1 replica identity default; update p set note = 'c'");
  await log.once();
  await log.sql.unsafe("alter table p_1 replica identity full; update p set note = 'd'");
  await log.once();
  expect(log.notices.map(({ check, eventKind }) => `${check} ${eventKind}`)).toEqual(["relation_changed p"]);
  expect(log.warnings).toEqual([]);
});
