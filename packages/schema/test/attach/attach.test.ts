import { afterAll, beforeAll, expect, test } from "vitest";
import { attach, detach, planAttach } from "../../src/index.ts";
import { chainDatabase, connect, stateOf } from "../database.ts";
import { expectChained, expectIntact } from "../recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
});
afterAll(async () => database.drop());

/** What drizzle wraps. */
const cause = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? (error.cause ?? error) : error),
  );

test("composite, text and other keys become the event's key", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create schema app; create schema "Ünï ""q""";
    create table app.pause (scope text, value text, at timestamptz, note text, primary key (scope, value, at));
    create table "Ünï ""q"""."Tä.ble ""x""" ("Ke y" text, "b" int, unique ("Ke y"));
    alter table "Ünï ""q"""."Tä.ble ""x""" alter "Ke y" set not null`);
  await attach(db, "app.pause");
  expect(await attach(db, `"Ünï ""q"""."Tä.ble ""x"""`, { key: ["Ke y"] })).toMatchObject({
    kind: 'Tä.ble "x"',
    key: ["Ke y"],
    complete: true,
    mode: "sealed",
    changes: "refuse",
  });
  await sql.unsafe(`set timezone = 'Asia/Tokyo'; insert into app.pause values ('a', 'x"y', '2026-01-01 00:00+00', null), ('a', '', 'infinity', 'n');
    insert into "Ünï ""q"""."Tä.ble ""x""" values ('', 1), ('@', 2)`);
  expect(await expectChained(sql, "pause")).toBe(2);
  expect(await expectChained(sql, 'Tä.ble "x"')).toBe(2);
  const keys = await sql`select event_pk from audit_chain where event_kind = 'pause' order by seq`;
  expect(keys[0]?.["event_pk"]).toBe('["a","x\\"y","2026-01-01 00:00:00+00"]');
});

test("a table without a usable key is refused with AC005 and a way out", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create table nokey (a int, b int not null, c int not null unique deferrable, d int not null, e int not null, f int not null);
    create unique index on nokey (a); create unique index on nokey (d) where d > 0; create unique index on nokey ((e + 1)); create index on nokey (f);
    create table dpk (id int primary key deferrable)`);
  for (const [key, text] of [
    [undefined, "no primary key"],
    [["a"], "may be NULL"],
    [["b"], "no unique index"],
    [["c"], "no unique index"],
    [["d"], "no unique index"],
    [["e"], "no unique index"],
    [["f"], "no unique index"],
    [["b", "b"], "no unique index"],
    [[], "names no column"],
  ] as const) {
    const error = await cause(attach(db, "nokey", { key }));
    expect(error).toMatchObject({
      code: "AC005",
      message: expect.stringContaining(text) as string,
      hint: expect.any(String) as string,
    });
  }
  expect(await cause(attach(db, "nokey", { key: ["B"] }))).toMatchObject({ code: "42703" });
  expect(await cause(attach(db, "dpk"))).toMatchObject({ code: "AC005" });
  await sql.unsafe("create unique index on nokey (f) include (b)");
  expect(await attach(db, "nokey", { key: ["f"], exclude: ["b"] })).toMatchObject({ key: ["f"], excluded: ["b"] });
  expect(await cause(attach(db, "nokey", { exclude: ["f"] }))).toMatchObject({ code: "AC005" });
  expect(await cause(attach(db, "nokey", { exclude: ["nothing"] }))).toMatchObject({ code: "42703" });
});

test("what cannot be audited is refused with an explanation, and nothing is changed", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create view v1 as select 1 as id; create materialized view m1 as select 1 as id; create unlogged table u1 (id int primary key);
    create table p1 (id int primary key) partition by range (id); create unlogged table p1a partition of p1 for values from (0) to (9);
    create table i1 (id int primary key); create table i1a (primary key (id)) inherits (i1); create sequence s1`);
  const [before] = await sql`select count(*)::int as n from pg_trigger`;
  for (const [name, code, text] of [
    ["v1", "42809", "a view"],
    ["m1", "42809", "a materialized view"],
    ["u1", "42809", "UNLOGGED"],
    ["p1", "42809", "UNLOGGED partition"],
    ["p1a", "42809", "."],
    ["s1", "42809", "a sequence"],
    ["nowhere", "42P01", "does not exist"],
    ["pg_catalog.pg_class", "42809", "system"],
    ["information_schema.sql_features", "42809", "system"],
    ["audit_chain", "42809", "audit chain itself"],
    ["audit_chain_pending", "42809", "audit chain itself"],
  ] as const) {
    expect([name, await cause(attach(db, name))]).toMatchObject([
      name,
      {
        code,
        message: expect.stringMatching(text.replace(".", ".")) as string,
      },
    ]);
    expect([name, await cause(planAttach(db, name))]).toMatchObject([name, { code }]);
  }
  await using client = connect(database.url);
  await client.sql`create temp table t1 (id int primary key)`;
  expect(await cause(attach(client.db, "t1"))).toMatchObject({ code: "42809" });
  expect((await sql`select count(*)::int as n from pg_trigger`)[0]).toEqual(before);
  expect(await stateOf(sql`select audit_chain_attach('s1', 'fast')`)).toBe("22023");
  expect(await stateOf(sql`select audit_chain_attach('s1', changes => 'forget')`)).toBe("22023");
  expect(await stateOf(sql.begin("isolation level serializable", (tx) => tx`select audit_chain_attach('i1a')`))).toBe(
    "25000",
  );
});

test("a kind that is taken, reserved, squatted or too long is refused, and can be given another name", async () => {
  const { sql, db } = database;
  await sql.unsafe(
    `create table app.pause2 (id int primary key); create schema other; create table other.pause (id int primary key); create table other."pause:erase" (id int primary key); create table squatted (id int primary key)`,
  );
  await sql`select audit_chain_append('squatted', '1', sha256('x'))`;
  for (const [table, kind, code] of [
    ["other.pause", undefined, "AC003"],
    ["other.pause", "audit_chain_config", "AC003"],
    ["other.pause", "audit_chainsaw", "AC003"],
    ["other.pause", "x:update", "AC003"],
    ["other.pause", "x:record", "AC003"],
    ["other.pause", ":", "AC003"],
    ['other."pause:erase"', undefined, "AC003"],
    ["squatted", undefined, "AC003"],
    ["other.pause", "", "AC005"],
    ["other.pause", "é".repeat(101), "AC005"],
    ["app.pause", "else", "AC003"],
  ] as const)
    expect([`${table} ${kind}`, await cause(attach(db, table, { kind }))]).toMatchObject([
      `${table} ${kind}`,
      { code },
    ]);
  expect(await attach(db, "other.pause", { kind: "other.pause" })).toMatchObject({ kind: "other.pause" });
  await sql`insert into other.pause values (1)`;
  expect(await expectChained(sql, "other.pause")).toBe(1);
});

test("a kind taken through a door while the table is being attached is found out", async () => {
  const { sql, db, url } = database;
  await sql`create table raced (id int primary key)`;
  await sql`create table raced2 (id int primary key)`;
  await using client = connect(url);
  await using second = connect(url);
  await client.sql.unsafe("begin; select audit_chain_append('raced', '42', sha256('forged'))");
  const attaching = cause(attach(db, "raced", { lockTimeoutMs: 20_000 }));
  await new Promise((resolve) => setTimeout(resolve, 300));
  await client.sql.unsafe("commit");
  expect(await attaching).toMatchObject({ code: "AC003" });

  // The other way round: the door waits for the lock while attach commits.
  await client.sql.unsafe("begin; select audit_chain_attach('raced2')");
  const forging = stateOf(second.sql`select audit_chain_append('raced2', '42', sha256('forged'))`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await client.sql.unsafe("commit");
  expect(await forging).toBe("AC003");
});

test("an event enqueued for a kind that becomes a table's before it is sealed is set aside", async () => {
  const { sql, db, url } = database;
  await sql`create table future (id int primary key)`;
  await using client = connect(url);
  await client.sql.unsafe("begin; select audit_chain_enqueue('future', '42', sha256('forged'))");
  await attach(db, "future");
  await client.sql.unsafe("commit");
  await sql`select audit_chain_seal(1000)`;
  expect(
    await sql`select event_kind, conflict from audit_chain_pending where event_kind like 'future%' order by id`,
  ).toEqual([{ event_kind: "future", conflict: "this kind belongs to an audited table" }]);
  await sql`insert into future values (42)`;
  expect(await expectChained(sql, "future")).toBe(1);
});

test("partitioned tables are captured through the root, directly, and in partitions made or attached later", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create table parts (id int, region text, body text, primary key (id, region)) partition by list (region);
    create table parts_eu (body text, dropped int, region text not null, id int not null); alter table parts_eu drop dropped;
    alter table parts attach partition parts_eu for values in ('eu')`);
  for (const changes of ["refuse", "track"] as const) {
    await attach(db, "parts", { changes, mode: changes === "track" ? "sealed" : "strict" });
    const n = changes === "track" ? 100 : 0;
    await sql.unsafe(
      `insert into parts select ${n} + g, 'eu', 'root' from generate_series(1, 3) g; insert into parts_eu (id, region, body) values (${n + 10}, 'eu', 'direct')`,
    );
    await sql.unsafe(`create table parts_${changes} partition of parts for values in ('${changes}') partition by range (id);
      create table parts_${changes}_low partition of parts_${changes} for values from (0) to (1000);
      create table made_${changes} (id int not null, region text not null, body text); alter table parts attach partition made_${changes} for values in ('m${changes}');
      insert into parts values (${n + 20}, '${changes}', 'two levels'); insert into parts_${changes}_low values (${n + 21}, '${changes}', 'direct, two levels'); insert into made_${changes} values (${n + 22}, 'm${changes}', 'attached')`);
    expect(await expectChained(sql, "parts")).toBe(changes === "track" ? 14 : 7);
    const refused = [
      "update parts set body = 'x'",
      "delete from parts_eu",
      "update parts set region = 'refuse' where id = 1",
      "truncate parts",
      "truncate parts_eu",
    ];
    for (const statement of changes === "refuse" ? refused : [])
      expect([statement, await stateOf(sql.unsafe(statement))]).toEqual([statement, "AC004"]);
  }
  await sql`update parts set region = 'track' where id = 1`;
  await sql`select audit_chain_seal(1000)`;
  const moved =
    await sql`select event_kind, regexp_replace(event_pk, '@.*', '') as pk from audit_chain order by seq desc limit 2`;
  expect(moved).toEqual([
    { event_kind: "parts", pk: '["1","track"]' },
    { event_kind: "parts:delete", pk: '["1","eu"]' },
  ]);
  await expectIntact(sql);
  expect(await cause(attach(db, "parts_eu"))).toMatchObject({
    code: "42809",
    hint: expect.stringContaining("public.parts") as string,
  });
});

test("an inheritance child is attached on its own, and guarded against changes through its parent", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table mother (id int, body text); create table child (primary key (id)) inherits (mother)");
  await attach(db, "child");
  await sql.unsafe("insert into mother values (1, 'm'); insert into child values (1, 'c')");
  for (const statement of ["update mother set body = 'x'", "delete from mother", "truncate mother"])
    expect([statement, await stateOf(sql.unsafe(statement))]).toEqual([statement, "AC004"]);
  expect(await expectChained(sql, "child")).toBe(1);
});

test("identity columns are covered, generated ones are not, stored or virtual", async () => {
  const { sql, db } = database;
  const [row] = await sql`select current_setting('server_version_num')::int >= 180000 as virtual`;
  await sql.unsafe(
    `create table computed (id int generated by default as identity primary key, a int, s int generated always as (a * 2) stored${row?.["virtual"] === true ? ", v int generated always as (a * 3) virtual" : ""})`,
  );
  const result = await attach(db, "computed");
  expect(result.columns).toEqual(["a", "id"]);
  await sql`insert into computed (a) values (1), (2)`;
  expect(await stateOf(sql`update computed set a = 3`)).toBe("AC004");
  await sql`update computed set a = a`;
  expect(await expectChained(sql, "computed")).toBe(2);
});

test("a table that is written to is attached once the writers let it, and no row is lost between", async () => {
  const { sql, db, url } = database;
  await sql`create table hot (id bigint generated always as identity primary key, n int)`;
  const stop = new AbortController();
  const writers = Array.from({ length: 6 }, async () => {
    await using client = connect(url);
    while (!stop.signal.aborted)
      await client.sql.begin(async (tx) => {
        await tx`insert into hot (n) values (1)`;
        await tx`select pg_sleep(0.005)`;
        await tx`insert into hot (n) select g from generate_series(1, 3) g`;
      });
  });
  await using long = connect(url);
  await long.sql.unsafe("begin; insert into hot (n) values (0)");
  expect(await cause(attach(db, "hot", { mode: "strict", lockTimeoutMs: 50, attempts: 2 }))).toMatchObject({
    code: "55P03",
  });
  const attaching = attach(db, "hot", { mode: "strict", lockTimeoutMs: 100 });
  await new Promise((resolve) => setTimeout(resolve, 400));
  await long.sql.unsafe("commit");
  const result = await attaching;
  await new Promise((resolve) => setTimeout(resolve, 200));
  stop.abort();
  await Promise.all(writers);
  const [row] =
    await sql`select (select count(*) from hot)::int as rows, (select count(*) from audit_chain where event_kind = 'hot')::int as links`;
  expect(result.complete).toBe(false);
  expect(row?.["rows"]).toBe(Number(row?.["links"]) + result.rows_to_backfill);
  await expectIntact(sql);
});

test("attaching again changes nothing and records nothing, repairs what is missing, and waits for no reader", async () => {
  const { sql, db, url } = database;
  await sql`create table again (id int primary key, n int)`;
  await attach(db, "again");
  const before = await expectIntact(sql);
  await using reader = connect(url);
  await reader.sql.unsafe("begin; select * from again");
  await attach(db, "again", { lockTimeoutMs: 500, attempts: 1 });
  expect(await expectIntact(sql)).toBe(before);
  await attach(db, "again", { mode: "strict", lockTimeoutMs: 500, attempts: 1 });
  expect(await expectIntact(sql)).toBe(before + 1);
  await reader.sql.unsafe("commit");
  await sql.unsafe("alter table again disable trigger audit_chain_capture; drop trigger audit_chain_guard on again");
  await attach(db, "again");
  await sql`insert into again values (1, 1)`;
  expect(await expectChained(sql, "again")).toBe(1);
  expect(await stateOf(sql`delete from again`)).toBe("AC004");
});

test("detach removes capture and guards, is recorded, and attach comes back under the same kind", async () => {
  const { sql, db } = database;
  await sql`create table leaving (id int primary key)`;
  expect(await cause(detach(db, "leaving"))).toMatchObject({ code: "AC002" });
  await attach(db, "leaving");
  await sql`insert into leaving values (1)`;
  await detach(db, "leaving");
  expect(await cause(detach(db, "leaving"))).toMatchObject({ code: "AC002" });
  await sql.unsafe("insert into leaving values (2); delete from leaving where id = 2");
  expect(await sql`select 1 from pg_trigger where tgrelid = 'leaving'::regclass and not tgisinternal`).toEqual([]);
  expect(
    (await sql`select action from audit_chain_config where kind = 'leaving' order by id`).map((r) =>
      String(r["action"]),
    ),
  ).toEqual(["attach", "detach"]);
  expect(await stateOf(sql`select audit_chain_append('leaving', '3', sha256('x'))`)).toBe("AC003");
  expect(await attach(db, "leaving")).toMatchObject({ complete: false, rows_to_backfill: 1 });
});

test("a table that was dropped and made again is taken as the new one", async () => {
  const { sql, db } = database;
  await sql`create table remade (id int primary key)`;
  await attach(db, "remade", { mode: "strict" });
  await sql.unsafe("drop table remade; create table remade (id int primary key); insert into remade values (7)");
  expect(await attach(db, "remade")).toMatchObject({ complete: false, rows_to_backfill: 1 });
  await sql.unsafe(
    "insert into remade values (8); alter table remade rename to remade_later; insert into remade_later values (9)",
  );
  expect(
    (await sql`select event_pk from audit_chain where event_kind = 'remade' order by seq`).map((r) =>
      String(r["event_pk"]),
    ),
  ).toEqual(["8", "9"]);
  await detach(db, "remade_later");
});

test("rows that row-level security hides from the owner are counted, or attach fails", async () => {
  const { sql, url } = database;
  await sql.unsafe(
    `create table hidden (id int primary key); insert into hidden values (1); alter table hidden enable row level security; alter table hidden force row level security; create policy none on hidden using (false)`,
  );
  await using client = connect(url);
  expect(await client.sql`select audit_chain_attach('hidden') ->> 'rows_to_backfill' as n`).toEqual([{ n: "1" }]);
});

test("a hand-written trigger stages where ours is gone, doubles nothing where it is there, and fails on other tables", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create table handy (id int primary key, n int); create table lonely (id int primary key);
    create trigger mine after insert on handy for each row execute function audit_chain_append('handy');
    create trigger mine after insert on lonely for each row execute function audit_chain_append('lonely');
    create trigger also after insert on i1a for each row execute function audit_chain_append('handy')`);
  const error: unknown = await sql`insert into lonely values (1)`.catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "AC002", hint: "Run: audit-chain attach public.lonely" });
  for (const [mode, changes] of [
    ["sealed", "refuse"],
    ["strict", "track"],
  ] as const) {
    await attach(db, "handy", { mode, changes });
    const n = mode === "strict" ? 10 : 0;
    await sql.unsafe(`insert into handy values (${n + 1}, 1)`);
    await sql.unsafe(
      changes === "track"
        ? `drop trigger "0_audit_chain_track" on handy`
        : "alter table handy disable trigger audit_chain_capture",
    );
    await sql.unsafe(`insert into handy values (${n + 2}, null), (${n + 3}, 3)`);
    expect(await expectChained(sql, "handy")).toBe(mode === "strict" ? 6 : 3);
  }
  expect(await stateOf(sql`insert into i1a values (1)`)).toBe("AC002");
  await sql.unsafe(
    "drop trigger mine on handy; create trigger mine after insert on handy for each row execute function audit_chain_append('other')",
  );
  expect(await stateOf(sql`insert into handy values (100)`)).toBe("AC002");
});

test("a plan shows the statement and changes nothing", async () => {
  const { sql, db } = database;
  await sql`create table planned (id int primary key, total money, noise text)`;
  const plan = await planAttach(db, "planned", { mode: "sealed", exclude: ["noise"], kind: "it's" });
  expect(plan.statement).toBe(
    `select public.audit_chain_attach('public.planned', mode => 'sealed', exclude => array['noise']::text[], kind => 'it''s');`,
  );
  expect(plan.warnings).toEqual([expect.stringContaining("column total is of type money")]);
  expect(await sql`select 1 from pg_trigger where tgrelid = 'planned'::regclass`).toEqual([]);
  await sql.unsafe(plan.statement);
  const [row] =
    await sql`select prosrc from pg_proc where oid = (select tgfoid from pg_trigger where tgname = 'audit_chain_capture' and tgrelid = 'planned'::regclass)`;
  expect(row?.["prosrc"]).toBe(plan.captureFunction);
});

test("a key too long for the chain is refused when the row is written", async () => {
  const { sql, db } = database;
  await sql`create table longkey (id text primary key)`;
  await attach(db, "longkey", { mode: "sealed" });
  await sql`insert into longkey values (${"é".repeat(1000)})`;
  expect(await stateOf(sql`insert into longkey values (${"é".repeat(1000) + "x"})`)).toBe("AC005");
  expect(await expectChained(sql, "longkey")).toBe(1);
});
