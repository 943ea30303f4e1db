import { expect, test } from "vitest";
import { expectChained, expectIntact } from "../../../../packages/schema/test/recompute.ts";
import { fillRows, OWN_TYPES, VALUES } from "../../../../packages/schema/test/type-values.ts";
import { type Captured, captured } from "./capturing.ts";

test("a row of every type is linked as the triggers would have recorded it", async () => {
  const { sql, once, attach } = await captured(`${OWN_TYPES}; create schema v`);
  const rows = await fillRows(sql, "v");
  await attach("v.rows", { kind: "rows" });
  await sql.unsafe("insert into v.rows select * from v.filled");
  expect(await once()).toBe(rows);
  expect(await expectChained(sql, "rows")).toBe(rows);
  await expectIntact(sql);
  expect(Object.keys(VALUES).length).toBeGreaterThan(40);
});

const events = async (sql: Captured["sql"], kind: string) =>
  (
    await sql<{ text: string }[]>`
    select concat(event_kind, ' ', regexp_replace(event_pk, '@[0-9]+$', '@')) as text from audit_chain where split_part(event_kind, ':', 1) = ${kind} order by seq`
  ).map(({ text }) => text);

/** How many changes do not go on from the event of their key before them. */
async function brokenIn(sql: Captured["sql"], kind: string): Promise<number> {
  const [row] = await sql<{ broken: number }[]>`
    with e as (select split_part(event_kind, ':', 2) as role, regexp_replace(event_pk, '@[0-9]+$', '') as pk, payload_hash, before_hash, seq
                 from audit_chain where split_part(event_kind, ':', 1) = ${kind}),
      w as (select e.*, lag(case when role <> 'delete' then payload_hash end) over (partition by pk order by seq) as was from e)
    select count(*)::int as broken from w where role in ('update', 'delete') and before_hash is distinct from was`;
  return row?.broken ?? -1;
}

test("each change of a tracked row is an event, also where values are out of line, keys change, rows move and columns are excluded", async () => {
  const { sql, once, attach, notices } = await captured(`
    create table t (a int, b text, big text, noise int, primary key (b, a)) partition by list (a);
    create table t_1 partition of t for values in (1); create table t_2 partition of t for values in (2);
    alter table t_1 alter big set storage external; alter table t_2 alter big set storage external`);
  await attach("t", { changes: "track", exclude: ["noise"] });
  await sql.unsafe(`insert into t values (1, 'x', repeat('big', 5000), 0), (2, 'y', null, 0); update t set noise = 1`);
  await sql.unsafe("update t set b = 'z' where a = 1");
  await sql.unsafe("update t_1 set big = 'small'");
  await sql.unsafe("update t set a = 2 where a = 1");
  await sql.unsafe("delete from t where b = 'y'");
  await sql
    .begin(async (tx) =>
      tx.unsafe("insert into t values (1, 'never', 'x', 0)").then(() => Promise.reject(new Error("rolled back"))),
    )
    .catch(() => {});
  await once();
  expect(await events(sql, "t")).toEqual([
    't ["x","1"]',
    't ["y","2"]',
    't:delete ["x","1"]@',
    't ["z","1"]',
    't:update ["z","1"]@',
    't:delete ["z","1"]@',
    't ["z","2"]',
    't:delete ["y","2"]@',
  ]);
  await expectIntact(sql);
  expect(notices).toEqual([]);
  expect(await brokenIn(sql, "t")).toBe(0);
});

test("changes in a partition that came later are recorded before sync, too; taking the identity away is said", async () => {
  const { sql, once, attach, start, notices, warnings } = await captured(`
    create table p (id int primary key, note text) partition by range (id);
    create table p_1 partition of p for values from (0) to (9)`);
  await attach("p", { changes: "track" });
  await sql.unsafe("create table p_2 partition of p for values from (9) to (99)");
  await sql.unsafe("insert into p values (10, 'a'), (11, 'b'), (12, 'c')");
  await sql.unsafe("update p set note = 'x' where id = 10; update p set note = 'x' where id = 10");
  await sql.unsafe("update p set id = 13 where id = 11; delete from p where id = 12");
  await sql.unsafe("insert into p values (14, 'd'); delete from p where id = 14");
  await once();
  const made = ["p 10", "p 11", "p 12", "p:update 10@", "p:delete 11@", "p 13", "p:delete 12@", "p 14", "p:delete 14@"];
  expect(await events(sql, "p")).toEqual(made);
  expect(await brokenIn(sql, "p")).toBe(0);
  expect([notices, warnings.length]).toEqual([[], 1]);
  expect(warnings[0]).toContain("public.p_2 is not FULL");

  const running = start();
  await sql`select audit_chain_sync('p')`;
  await sql.unsafe("update p set note = 'y' where id = 10");
  await expect.poll(async () => (await events(sql, "p")).length, { timeout: 60_000 }).toBe(made.length + 1);
  expect([notices, warnings.length]).toEqual([[], 1]);
  await sql.unsafe("alter table p_2 replica identity default; update p set note = 'z' where id = 10");
  await expect.poll(() => notices.map(({ check }) => check), { timeout: 60_000 }).toEqual(["relation_changed"]);
  await running.stop();
  expect(await brokenIn(sql, "p")).toBe(0);
  await expectIntact(sql);
});

test("an edit past the guards of a table that refuses changes is linked, and said with its transaction", async () => {
  const { sql, once, attach, notices } = await captured("create table t (id int primary key, note text)");
  await attach("t");
  await sql.unsafe("insert into t values (1, 'a'), (2, 'b'), (3, 'c')");
  const [{ xid } = { xid: "" }] = await sql.begin(async (tx) => {
    await tx.unsafe(
      "set local session_replication_role = replica; update t set note = 'forged' where id = 1; delete from t where id = 2",
    );
    return await tx<{ xid: string }[]>`select pg_current_xact_id()::text as xid`;
  });
  await sql.begin(async (tx) => tx.unsafe("set local session_replication_role = replica; truncate t"));
  await once();
  expect(await events(sql, "t")).toEqual(["t 1", "t 2", "t 3", "t:update 1@", "t:delete 2@"]);
  expect(notices.map(({ check, seq }) => [check, seq])).toEqual([
    ["change_refused", undefined],
    ["change_refused", 5n],
    ["change_refused", 6n],
  ]);
  expect(notices[1]?.message).toContain(`transaction ${xid}, `);
  await sql.unsafe("insert into t values (4, 'd')");
  await expect(sql.unsafe("update t set note = 'x'")).rejects.toMatchObject({ code: "AC004" });
});

test("a transaction of 30,000 rows is linked in several batches, and goes on where it was broken off", async () => {
  const { sql, once, attach, start } = await captured("create table t (id int primary key, note text)");
  await attach("t");
  const running = start();
  await sql.unsafe("insert into t select n, repeat('x', 50) from generate_series(1, 30000) as n");
  const linked = async () =>
    (await sql<{ n: number }[]>`select count(*)::int as n from audit_chain where event_kind = 't'`)[0]?.n ?? 0;
  await expect.poll(linked, { timeout: 60_000, interval: 5 }).toBeGreaterThan(0);
  await sql`select pg_terminate_backend(active_pid) from pg_replication_slots where database = current_database()`;
  await expect(running.ended).rejects.toThrow(/terminat|connection|EPIPE|ECONNRESET/iu);
  const before = await linked();
  const [{ within } = { within: null }] = await sql`select within from audit_chain_position`;
  expect(within === null).toBe(before === 30_000);
  await sql.unsafe("insert into t values (0, 'last')");
  expect(await once()).toBe(30_001 - before);
  expect(await expectChained(sql, "t")).toBe(30_001);
  await expectIntact(sql);
});
