import { createLogin } from "@scidex/audit-testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ChainDatabase, chainDatabase } from "./chain-database.ts";
import { jsonOf } from "./run-cli.ts";

interface Synced {
  readonly attached: number;
  readonly tables: readonly {
    readonly table: string;
    readonly status: string;
    readonly differences: readonly { readonly text: string; readonly narrows: boolean }[];
    readonly error?: string;
  }[];
}

let db: ChainDatabase;
beforeAll(async () => {
  db = await chainDatabase();
});
afterAll(() => db.drop());

const texts = ({ tables }: Synced) =>
  Object.fromEntries(tables.map(({ table, differences }) => [table, differences.map(({ text }) => text)]));

describe("sync", () => {
  it("changes nothing where nothing has changed, and says what differs before it takes it in", async () => {
    await db.sql.unsafe(`create schema hr; create type st as enum ('a', 'b');
      create table orders (id int primary key, item text, s st, legacy text); create table employee (id int primary key, n text);
      create table gone (id int primary key); create table again (id int primary key); create table same (id int primary key)`);
    expect(await db.run(["attach", "orders", "employee", "gone", "again", "same", "--mode", "strict"])).toMatchObject({
      code: 0,
    });
    await db.sql.unsafe(
      "insert into orders values (1, 'lamp', 'b', 'l'); insert into employee values (1, 'a'); insert into gone values (1)",
    );
    const before = await db.run(["sync", "--check"]);
    expect(before).toMatchObject({ code: 0, stderr: "" });
    expect(before.stdout).toMatch(/^\d+ attached tables are as they were configured\.\n$/u);

    await db.sql
      .unsafe(`alter table orders add qty int not null default 5; alter table orders rename item to goods; alter table orders drop legacy;
      alter type st rename value 'b' to 'bb'; alter table employee rename to staff; alter table staff set schema hr; drop table gone;
      drop table again; create table again (id int primary key, extra text)`);
    const check = await db.run(["sync", "--check", "--json"]);
    expect(check.code).toBe(4);
    const expected = {
      "hr.staff": ["public.employee is now called hr.staff"],
      "public.again": ["public.again was dropped and made again"],
      "public.gone": ["public.gone was dropped"],
      "public.orders": [
        "item is now called goods",
        "legacy was dropped",
        `the type of s is now "public"."st"{'a','bb'}, and was "public"."st"{'a','b'}`,
        "qty has joined",
      ],
    };
    expect(texts(jsonOf(check) as Synced)).toEqual(expected);
    const dry = await db.run(["sync", "--dry-run"]);
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain("Nothing was changed. Run: audit-chain sync");
    expect(await db.run(["sync", "--check"])).toMatchObject({ code: 4 });

    const done = await db.run(["sync"]);
    expect(done.code).toBe(0);
    // Before anything is done.
    expect(done.stderr).toContain(
      "public.orders: item is now called goods: the verifier reports this as coverage_narrowed",
    );
    expect(done.stdout).toContain("public.orders: item is now called goods, legacy was dropped,");
    expect(done.stdout).toContain(
      "4 of these the verifier reports as coverage_narrowed until the auditor has approved it",
    );
    expect(await db.run(["sync", "--check"])).toMatchObject({ code: 0 });
    await db.sql.unsafe(
      "insert into orders values (2, 'chair', 'bb', 6); insert into hr.staff values (2, 'b'); insert into again values (1, 'x')",
    );
    expect((await db.sql`select from audit_chain where event_kind in ('orders', 'employee', 'again#2')`).length).toBe(
      5,
    );
    expect(
      await db.sql`select action, to_json(columns)::text as columns from audit_chain_config where kind = 'gone' order by id desc limit 1`,
    ).toEqual([{ action: "detach", columns: "[]" }]);
  });

  it("mends a trigger that is missing or disabled, and goes on where one table cannot be taken in", async () => {
    await db.sql.unsafe(
      `create table t1 (id int primary key); create table t2 (a int primary key, b int not null unique)`,
    );
    expect(await db.run(["attach", "t1", "t2", "--mode", "sealed"])).toMatchObject({ code: 0 });
    await db.sql.unsafe("drop trigger audit_chain_guard_truncate on t1; alter table t2 drop a");
    const ended = await db.run(["sync", "--json"]);
    expect(ended.code).toBe(3);
    expect((jsonOf(ended) as Synced).tables).toMatchObject([
      { table: "public.t1", status: "synced", differences: [{ narrows: false }] },
      { table: "public.t2", status: "failed", error: expect.stringContaining("--key") as string },
    ]);
    expect(await db.run(["attach", "t2", "--key", "b"])).toMatchObject({ code: 0 });
    expect(await db.run(["sync", "--check"])).toMatchObject({ code: 0 });
  });

  it("is run by the deployment's own login, which owns the tables, and says so to others", async () => {
    const login = await createLogin(db.sql, { grant: ["scidex_audit_deployer"] });
    const other = await createLogin(db.sql, { grant: ["scidex_audit_deployer"] });
    await db.sql.unsafe(`grant usage, create on schema public to ${login.name}`);
    const as = (url: string) => ({ env: { AUDIT_DATABASE_URL: url } });
    await db.sql.unsafe(`create table owned (id int primary key); alter table owned owner to ${login.name}`);
    expect(await db.run(["attach", "owned"], as(login.url))).toMatchObject({ code: 0 });
    await db.sql.unsafe("alter table owned add extra text default 'x'");
    const refused = await db.run(["sync"], as(other.url));
    expect(refused.code).toBe(3);
    expect(refused.stdout + refused.stderr).toContain("permission denied for table owned");
    const done = await db.run(["sync"], as(login.url));
    expect(done).toMatchObject({ code: 0 });
    expect(done.stdout).toContain("public.owned: extra has joined: taken in");
  });
});

it("sync links what waits before it takes a table's lock, in transactions of their own", async () => {
  const { sql } = db;
  const login = await createLogin(sql, { grant: ["scidex_audit_deployer"] });
  await sql.unsafe(`create table waiting (id int primary key); alter table waiting owner to ${login.name}`);
  const as = { env: { AUDIT_DATABASE_URL: login.url } };
  expect(await db.run(["attach", "waiting"], as)).toMatchObject({ code: 0 });
  await sql.unsafe(
    "insert into waiting select generate_series(1, 6000); insert into waiting values (0); alter table waiting add n int",
  );
  expect(await db.run(["sync"], as)).toMatchObject({ code: 0 });
  const [linked] = await sql`
    select count(*)::int as rows, count(distinct c.xmin::text)::int as transactions,
           (count(*) filter (where c.xmin = (select l.xmin from audit_chain as l where l.event_kind = 'audit_chain_config' order by l.seq desc limit 1)))::int as under_the_lock
      from audit_chain as c where c.event_kind = 'waiting'`;
  expect(linked).toEqual({ rows: 6001, transactions: 2, under_the_lock: 0 });
});

describe("sync of partitions that came with rows", () => {
  const as = (url: string) => ({ env: { AUDIT_DATABASE_URL: url } });

  it("guards them and chains their rows, which narrows, and no other row that is not chained", async () => {
    const { sql } = db;
    const login = await createLogin(sql, { grant: ["scidex_audit_deployer"] });
    await sql.unsafe(`create schema parts authorization ${login.name}; set role ${login.name};
      create table parts.ev (id int, d date, note text, primary key (id, d)) partition by range (d);
      create table parts.jan partition of parts.ev for values from ('2026-01-01') to ('2026-02-01'); reset role`);
    expect(await db.run(["attach", "parts.ev", "--changes", "track", "--mode", "strict"], as(login.url))).toMatchObject(
      { code: 0 },
    );
    await sql.unsafe("insert into parts.ev values (1, '2026-01-05', 'a')");
    expect((await db.run(["sync", "--check"], as(login.url))).code).toBe(0);

    await sql.unsafe(`set role ${login.name}; create table parts.feb partition of parts.ev for values from ('2026-02-01') to ('2026-03-01');
      create table parts."Mar" (note text, d date not null, id int not null);
      insert into parts."Mar" values ('x', '2026-03-01', 3), ('y', '2026-03-02', 4);
      alter table parts.ev attach partition parts."Mar" for values from ('2026-03-01') to ('2026-04-01'); reset role;
      insert into parts.ev values (5, '2026-03-05', 'honest')`);
    await sql.begin(async (tx) => {
      await tx.unsafe(
        "set local session_replication_role = replica; insert into parts.ev values (9, '2026-01-09', 'smuggled')",
      );
    });
    const check = await db.run(["sync", "--check", "--json"], as(login.url));
    expect(check.code).toBe(4);
    expect(texts(jsonOf(check) as Synced)).toEqual({
      "parts.ev": [
        'the partition parts."Mar" is new, and came with 2 rows that are chained as found',
        "the partition parts.feb is new",
      ],
    });
    const status = await db.run(["status", "--table", "parts.ev", "--problems"]);
    expect(status.stdout).toContain('the partition parts."Mar" is new');
    const done = await db.run(["sync"], as(login.url));
    expect(done).toMatchObject({ code: 0 });
    expect(done.stdout).toContain("taken in");
    expect((await db.run(["sync", "--check"], as(login.url))).code).toBe(0);
    const events = await sql<{ pk: string }[]>`
      select event_pk as pk from audit_chain where event_kind = 'ev' order by event_pk collate "C"`;
    expect(events.map(({ pk }) => pk)).toEqual([1, 3, 4, 5].map((id) => expect.stringMatching(`^\\["${id}",`)));
    const actions = await sql<{ action: string }[]>`
      select action from audit_chain_config where kind = 'ev' order by id desc limit 2`;
    expect(actions.map(({ action }) => action)).toEqual(["complete", "readmit"]);
    // The row that was put past the trigger is still found.
    const rest = await db.run(["status", "--table", "parts.ev", "--problems"]);
    expect(rest.stdout).toContain("1 rows were inserted past the trigger");
  });
});

describe("detach", () => {
  it("closes the kind of a table that has been dropped, by the name that it had", async () => {
    await db.sql.unsafe(
      `create schema old; create table gone_one (id int primary key); create table old.gone_two (id int primary key)`,
    );
    expect(await db.run(["attach", "gone_one", "old.gone_two", "--mode", "strict"])).toMatchObject({ code: 0 });
    await db.sql.unsafe("drop table gone_one; drop table old.gone_two");
    const done = await db.run(["detach", "gone_one"]);
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toContain("gone_one is gone, and its kind gone_one is closed");
    expect((await db.run(["detach", "old.gone_two"])).code).toBe(0);
    const again = await db.run(["detach", "gone_one"]);
    expect(again.code).not.toBe(0);
    expect(again.stderr).toContain("does not exist");
  });
});
