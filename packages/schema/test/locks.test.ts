// The chain's lock: the last thing that a commit takes, waited for within bounds, and held by nobody who stays.
import type { Sql } from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { attach } from "../src/index.ts";
import { chainDatabase, connect, stateOf } from "./database.ts";
import { expectChained, expectIntact } from "./recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
let sql: Sql;
beforeAll(async () => {
  database = await chainDatabase();
  ({ sql } = database);
  await sql.unsafe(`
    create table notes (id bigint generated always as identity primary key, body text);
    create table tasks (id int primary key, state text);
    create table receipts (id int primary key, state text);
    create table account (id int primary key);
    create table payment (id bigint generated always as identity primary key, account_id int references account deferrable initially deferred);
    create table memo (id bigint generated always as identity primary key, account_id int references account deferrable initially deferred);
    insert into account values (1), (2), (3)`);
  for (const table of ["notes", "payment"]) await attach(database.db, table, { mode: "strict" });
  await attach(database.db, "tasks", { mode: "strict", changes: "track" });
  await attach(database.db, "receipts", { mode: "strict", changes: "track", fallback: "fail" });
});
afterAll(async () => database.drop());
// What one test has left to the sealer must not shorten the waits of the next.
beforeEach(async () => {
  await sql`select audit_chain_seal(100000)`;
});
// A prepared transaction that a failing test has left would keep all that follow waiting.
afterEach(async () => {
  const left = await sql<{ gid: string }[]>`select gid from pg_prepared_xacts where database = current_database()`;
  for (const { gid } of left) await sql.unsafe(`rollback prepared '${gid}'`);
});

/** Pending rows by mode. */
const pending = async (): Promise<string[]> =>
  (
    await sql<
      { row: string }[]
    >`select concat_ws(' ', mode, event_kind, op) as row from audit_chain_pending order by id`
  ).map(({ row }) => row);

/** The newest links, oldest of them first. */
const newest = async (count: number): Promise<string[]> =>
  (
    await sql<{ e: string }[]>`
      select event_kind || ' ' || regexp_replace(event_pk, '@[0-9]+$', '') as e from (
        select * from audit_chain order by seq desc limit ${count}) as c order by seq`
  ).map(({ e }) => e);

const holdsTheLock = `begin; select audit_chain_append('holds', gen_random_uuid()::text, sha256('x'))`;

/** Waits until a session waits for a lock. */
async function untilWaiting(pid: number): Promise<void> {
  for (;;) {
    const [row] = await sql`select wait_event_type = 'Lock' as waits from pg_stat_activity where pid = ${pid}`;
    if (row?.["waits"] === true) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const pidOf = async (client: Sql): Promise<number> =>
  Number((await client<{ pid: number }[]>`select pg_backend_pid() as pid`)[0]?.pid);

describe("the last thing that a commit takes", () => {
  test("a strict commit whose deferred foreign key waits does not keep the lock from the one it waits for", async () => {
    await using one = connect(database.url);
    await using two = connect(database.url);
    await one.sql.unsafe(
      "begin; select from account where id = 1 for update; insert into payment (account_id) values (2)",
    );
    await two.sql.unsafe(
      "begin; insert into payment (account_id) values (3); insert into memo (account_id) values (1)",
    );
    const pid = await pidOf(two.sql);
    const commit = two.sql.unsafe("commit").execute();
    await untilWaiting(pid);
    await one.sql.unsafe("commit");
    await commit;
    expect(await pending()).toEqual([]);
    await expectChained(sql, "payment");
  });

  test("what deferred triggers of the application stage at commit is linked, behind their own deferred work", async () => {
    await sql.unsafe(`
      create table chores (id int primary key, depth int);
      create function chores_more() returns trigger language plpgsql as $$ begin
        if new.depth > 0 then
          insert into chores values (new.id + 1, new.depth - 1);
          insert into notes (body) values ('at commit ' || new.depth);
          insert into memo (account_id) values (1);
        end if; return null; end $$;
      create constraint trigger chores_more after insert on chores deferrable initially deferred for each row execute function chores_more()`);
    await using client = connect(database.url);
    const before = await expectIntact(sql);
    // With a row of a strict table before them, and without.
    await client.sql.unsafe(
      "begin; insert into notes (body) values ('first'); insert into chores values (1, 4); commit",
    );
    await client.sql.unsafe("insert into chores values (101, 3)");
    expect(await expectIntact(sql)).toBe(before + 1 + 4 + 3);
    expect(await pending()).toEqual([]);
    await expectChained(sql, "notes");
    // Where it has to wait for the last of that work, the chain's lock is free.
    await using owner = connect(database.url);
    await owner.sql.unsafe("begin; select from account where id = 1 for update");
    await client.sql.unsafe("begin; insert into notes (body) values ('waits'); insert into chores values (201, 1)");
    const pid = await pidOf(client.sql);
    const commit = client.sql.unsafe("commit").execute();
    await untilWaiting(pid);
    await owner.sql.unsafe("insert into notes (body) values ('does not wait'); commit");
    await commit;
    expect(await pending()).toEqual([]);
    await expectChained(sql, "notes");
  });

  test.each(["all", "public.audit_chain_commit"])(
    "SET CONSTRAINTS %s IMMEDIATE in an open transaction takes no lock, and its rows are linked when it commits",
    async (which) => {
      const key = which === "all" ? 1 : 2;
      await using open = connect(database.url);
      await using client = connect(database.url);
      const before = await expectIntact(sql);
      await open.sql.unsafe(`begin; insert into notes (body) values ('before'); set constraints ${which} immediate;
        insert into notes (body) values ('after'); savepoint s; insert into tasks values (${key}, 'undone');
        set constraints ${which} immediate; rollback to s; insert into tasks values (${key}, 'new')`);
      await client.sql.unsafe("insert into notes (body) values ('beside')");
      expect(await expectIntact(sql)).toBe(before + 1);
      await open.sql.unsafe(
        `set constraints ${which} immediate; update tasks set state = 'done' where id = ${key}; set constraints ${which} immediate; commit`,
      );
      expect(await expectIntact(sql)).toBe(before + 5);
      expect(await newest(5)).toEqual([
        expect.stringMatching(/^notes/),
        expect.stringMatching(/^notes/),
        expect.stringMatching(/^notes/),
        `tasks ${key}`,
        `tasks:update ${key}`,
      ]);
      await expectChained(sql, "notes");
    },
  );

  test("a savepoint that is undone after SET CONSTRAINTS takes the postponement back with it, and not the rows", async () => {
    await using client = connect(database.url);
    const before = await expectIntact(sql);
    await client.sql
      .unsafe(`begin; insert into notes (body) values ('kept'); savepoint s; set constraints all immediate;
      insert into notes (body) values ('undone'); rollback to s; commit`);
    await client.sql.unsafe(
      `begin; savepoint s; insert into notes (body) values ('kept too'); set constraints all immediate; release s; commit`,
    );
    expect(await expectIntact(sql)).toBe(before + 2);
    expect(await pending()).toEqual([]);
    await expectChained(sql, "notes");
  });

  test("an application's deferred trigger that sets constraints immediate while the commit runs loses no row", async () => {
    await sql.unsafe(`
      create table setters (id int primary key);
      create function setters_set() returns trigger language plpgsql as $$ begin
        insert into notes (body) values ('one'); set constraints all immediate; insert into notes (body) values ('two'); return null; end $$;
      create constraint trigger setters_set after insert on setters deferrable initially deferred for each row execute function setters_set()`);
    const before = await expectIntact(sql);
    await using client = connect(database.url);
    await client.sql.unsafe(
      "begin; insert into setters values (1); insert into notes (body) values ('zero'); insert into setters values (2); commit",
    );
    expect(await expectIntact(sql)).toBe(before + 5);
    await expectChained(sql, "notes");
  });

  test("somebody who gives a constraint the trigger's name does not break the commits of others", async () => {
    await sql.unsafe("create table public.squatter (id int constraint audit_chain_commit unique)");
    try {
      await using client = connect(database.url);
      await client.sql.unsafe("begin; insert into notes (body) values ('squatted'); set constraints all immediate");
      await client.sql.unsafe("commit");
      expect(await pending()).toEqual(["late notes event"]);
      await sql`select audit_chain_seal(1000)`;
      await expectChained(sql, "notes");
    } finally {
      await sql.unsafe("drop table public.squatter");
    }
  });

  test("triggers that fire for replicas too are linked there", async () => {
    await sql.unsafe(`create table replicated (id int primary key)`);
    await attach(database.db, "replicated", { mode: "strict" });
    await sql.unsafe(`alter table replicated enable always trigger audit_chain_capture`);
    await using client = connect(database.url);
    await client.sql
      .unsafe(`set session_replication_role = replica; insert into replicated values (1); set session_replication_role = origin;
      begin; insert into replicated values (2); set session_replication_role = replica; commit`);
    expect(await pending()).toEqual([]);
    await expectChained(sql, "replicated");
  });
});

describe("prepared transactions", () => {
  test.each([
    ["prepare transaction", ""],
    ["/* -- */ PREPARE/* ; */--\n\tTransaction", ""],
    ["select 1; prepare\ntransaction", "set constraints all immediate;"],
  ])("%j leaves its rows to the sealer and keeps nobody waiting", async (command, first) => {
    const before = await expectIntact(sql);
    await using client = connect(database.url);
    await client.sql.unsafe(`begin; ${first} insert into notes (body) values ('prepared')`);
    await client.sql.unsafe(`${command} 'locks one'`);
    await client.sql.unsafe("insert into notes (body) values ('beside it')");
    expect(await expectIntact(sql)).toBe(before + 1);
    await client.sql.unsafe("commit prepared 'locks one'");
    expect(await pending()).toEqual(["late notes event"]);
    await sql`select audit_chain_seal(1000)`;
    await expectChained(sql, "notes");
    await client.sql.unsafe(`begin; insert into notes (body) values ('never')`);
    await client.sql.unsafe(`${command} 'locks two'`);
    await client.sql.unsafe("rollback prepared 'locks two'");
    expect(await pending()).toEqual([]);
    await expectChained(sql, "notes");
  });

  test("its command is known where a driver prepares it, too", async () => {
    await using client = connect(database.url);
    await client.sql`begin`;
    await client.sql`insert into notes (body) values (${"prepared"})`;
    await client.sql`prepare transaction 'locks four'`;
    await client.sql`commit prepared 'locks four'`;
    expect(await pending()).toEqual(["late notes event"]);
  });

  test("a table with the fallback fail refuses to be part of one, and says why", async () => {
    await using client = connect(database.url);
    await client.sql.unsafe("begin; insert into receipts values (1, 'x')");
    await expect(client.sql.unsafe("prepare transaction 'locks three'")).rejects.toThrow(
      /^a receipts event cannot be linked in its transaction: the transaction is being prepared/,
    );
    expect(await sql`select from pg_prepared_xacts where gid = 'locks three'`).toHaveLength(0);
  });

  test("a text that only speaks of it is linked as any other", async () => {
    const before = await expectIntact(sql);
    await sql.unsafe(`insert into notes (body) values ('how to prepare a transaction: prepare transaction ''x''')`);
    expect(await expectIntact(sql)).toBe(before + 1);
  });
});

describe("waited for within bounds", () => {
  test("who cannot have the lock commits, its rows are late, and while they are nobody waits for long", async () => {
    await using holder = connect(database.url);
    await using client = connect(database.url);
    await holder.sql.unsafe(holdsTheLock);
    // Fifty whole waits take longer than this test may.
    for (let i = 0; i < 50; i++) await client.sql`insert into notes (body) values ('not linked')`;
    expect(await pending()).toEqual(Array.from({ length: 50 }, () => "late notes event"));
    expect(await client.sql`show lock_timeout`).toEqual([{ lock_timeout: "0" }]);
    // Free again: the next one is linked at once, with the late ones still there.
    await holder.sql.unsafe("rollback");
    const before = await expectIntact(sql);
    await client.sql`insert into notes (body) values ('free again')`;
    expect(await expectIntact(sql)).toBe(before + 1);
    expect((await sql`select audit_chain_seal(1000) as n`)[0]?.["n"]).toBe(50);
    await expectChained(sql, "notes");
  }, 60_000);

  test("events of one key stay in order: what follows a late one is late too", async () => {
    await using holder = connect(database.url);
    await using client = connect(database.url);
    await client.sql.unsafe("insert into tasks values (10, 'new'), (11, 'new')");
    await holder.sql.unsafe(holdsTheLock);
    await client.sql.unsafe("update tasks set state = 'first' where id = 10");
    await holder.sql.unsafe("rollback");
    await client.sql.unsafe("update tasks set state = 'second' where id = 10");
    await client.sql.unsafe("update tasks set state = 'overtakes nothing' where id = 11");
    await client.sql.unsafe("update tasks set id = 12 where id = 10");
    expect(await pending()).toEqual([
      "late tasks update",
      "late tasks update",
      "late tasks delete",
      "late tasks insert",
    ]);
    expect(await newest(1)).toEqual(["tasks:update 11"]);
    await sql`select audit_chain_seal(1000)`;
    expect(await newest(5)).toEqual([
      "tasks:update 11",
      "tasks:update 10",
      "tasks:update 10",
      "tasks:delete 10",
      "tasks 12",
    ]);
    await client.sql.unsafe("update tasks set state = 'in order again' where id = 12");
    expect(await newest(1)).toEqual(["tasks:update 12"]);
    await expectIntact(sql);
  });

  test("a table with the fallback fail fails instead, leaves nothing, and its neighbours in the transaction neither", async () => {
    const before = await expectIntact(sql);
    await using holder = connect(database.url);
    await using client = connect(database.url);
    await holder.sql.unsafe(holdsTheLock);
    expect(
      await stateOf(
        client.sql.unsafe(
          "begin; insert into notes (body) values ('neither'); insert into receipts values (2, 'x'); commit",
        ),
      ),
    ).toBe("55P03");
    await holder.sql.unsafe("rollback");
    expect(await pending()).toEqual([]);
    expect(await expectIntact(sql)).toBe(before);
    await client.sql.unsafe("insert into receipts values (2, 'x')");
    expect(await newest(1)).toEqual(["receipts 2"]);
  });

  test("a deadlock over the lock ends with both committed", async () => {
    await using one = connect(database.url);
    await using two = connect(database.url);
    await sql.unsafe("insert into tasks values (20, 'new')");
    const pid = await pidOf(one.sql);
    await two.sql.unsafe("set deadlock_timeout = '100ms'; begin; update tasks set state = 'two' where id = 20");
    await one.sql.unsafe(holdsTheLock);
    // The one who waits longer must not find it first.
    await one.sql.unsafe("set deadlock_timeout = '1min'");
    const update = one.sql.unsafe("update tasks set state = 'one' where id = 20").execute();
    await untilWaiting(pid);
    await two.sql.unsafe("commit");
    await update;
    await one.sql.unsafe("commit");
    expect(await pending()).toEqual(["late tasks update", "late tasks update"]);
    await sql`select audit_chain_seal(1000)`;
    expect(await newest(3)).toEqual([expect.stringMatching(/^holds /), "tasks:update 20", "tasks:update 20"]);
    await expectIntact(sql);
  });

  test("a large transaction that cannot have the lock is late as a whole, and staged once", async () => {
    await using holder = connect(database.url);
    await holder.sql.unsafe(holdsTheLock);
    await sql.unsafe("insert into notes (body) select 'bulk ' || g from generate_series(1, 15000) as g");
    await holder.sql.unsafe("rollback");
    expect(await sql`select mode, count(*)::int from audit_chain_pending group by 1`).toEqual([
      { mode: "late", count: 15_000 },
    ]);
    await sql`select audit_chain_seal(100000)`;
    await expectChained(sql, "notes");
    await expectIntact(sql);
  });

  test("a late row that conflicts is set aside, and is no memory of a lock that was held", async () => {
    await using holder = connect(database.url);
    await using client = connect(database.url);
    const remove = `begin; set local session_replication_role = replica; delete from notes where id = 900000; commit`;
    const insert = (body: string) => `insert into notes (id, body) overriding system value values (900000, '${body}')`;
    await holder.sql.unsafe(holdsTheLock);
    await client.sql.unsafe(`${insert("a")}; ${remove}`);
    await holder.sql.unsafe("rollback");
    await client.sql.unsafe(insert("b"));
    await sql`select audit_chain_seal(1000)`;
    const left = async () => await sql`select mode, conflict is null as waits from audit_chain_pending`;
    expect(await left()).toEqual([{ mode: "late", waits: false }]);
    // Another row of that key is judged by itself, and not put behind it.
    await client.sql.unsafe(`${remove}; ${insert("a")}`);
    expect(await left()).toEqual([{ mode: "late", waits: false }]);
    await sql`delete from audit_chain_pending`;
    await expectChained(sql, "notes");
  });
});

describe("together with everything else", () => {
  test.each(["repeatable read", "serializable"])(
    "at %s the chain that has grown is 40001, and nothing is left of it",
    async (level) => {
      await using client = connect(database.url);
      await client.sql.unsafe(
        `begin isolation level ${level}; select count(*) from audit_chain; insert into notes (body) values ('too old')`,
      );
      await sql`insert into notes (body) values ('faster')`;
      const before = await expectIntact(sql);
      expect(await stateOf(client.sql.unsafe("commit"))).toBe("40001");
      expect(await expectIntact(sql)).toBe(before);
      expect(await pending()).toEqual([]);
      await client.sql.unsafe(`begin isolation level ${level}; insert into notes (body) values ('again'); commit`);
      expect(await expectIntact(sql)).toBe(before + 1);
    },
  );

  test("a strict row and the door in one transaction, in both orders", async () => {
    await using client = connect(database.url);
    const before = await expectIntact(sql);
    const door = (pk: string) => `select audit_chain_append('both', '${pk}', sha256('x'))`;
    await client.sql.unsafe(`begin; insert into notes (body) values ('a'); ${door("1")}; commit`);
    await client.sql.unsafe(
      `begin; ${door("2")}; insert into notes (body) values ('b'); set constraints all immediate; ${door("3")}; commit`,
    );
    await client.sql.unsafe(
      `begin; savepoint s; ${door("4")}; insert into notes (body) values ('c'); rollback to s; insert into notes (body) values ('d'); commit`,
    );
    expect(await expectIntact(sql)).toBe(before + 6);
    await expectChained(sql, "notes");
  });

  test("nothing of the session's settings changes, neither at commit nor by SET CONSTRAINTS", async () => {
    await using client = connect(database.url);
    const settings = async () => await client.sql`select name, setting from pg_settings order by name`;
    await client.sql.unsafe("do 'begin end'; set lock_timeout = 12345; set enable_seqscan = on; set jit = on; begin");
    const before = await settings();
    await client.sql.unsafe("insert into notes (body) values ('x'); set constraints all immediate");
    expect(await settings()).toEqual(before);
    await client.sql.unsafe("commit; begin");
    expect(await settings()).toEqual(before);
    await client.sql.unsafe("commit");
  });
});
