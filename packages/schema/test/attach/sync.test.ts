// Scenario: a migration ends with audit_chain_sync, in its own transaction or later.
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach } from "../../src/index.ts";
import { chainDatabase, stateOf } from "../database.ts";
import { coverage, expectChained, expectedEvents, expectIntact } from "../recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
});
afterAll(async () => database.drop());

/** What is left out of payloads, and whether rows are to be recorded anew, by the newest configuration. */
async function joined(kind: string) {
  const [row] = await database.sql<{ columns: string; absent: string; anew: boolean }[]>`
    select to_json(columns)::text as columns, absent::text as absent, record_anew as anew
      from audit_chain_config where kind = ${kind} order by id desc limit 1`;
  return row === undefined
    ? undefined
    : { columns: JSON.parse(row.columns) as string[], absent: JSON.parse(row.absent) as object, anew: row.anew };
}

/** In one transaction. */
const migrate = async (ddl: string) => await database.sql.begin(async (tx) => await tx.unsafe(ddl));

const events = async (kind: string) =>
  (await database.sql`select from audit_chain where event_kind ~ ${`^${kind}(:|$)`}`).length;

const defaults = [
  ["text", "'it''s, \"x\" {y} \\\\ é'", `it's, "x" {y} \\\\ é`],
  ["integer", "5", "5"],
  ["boolean", "true", "t"],
  ["timestamptz", "'2026-01-01 00:00:00+02'", "2025-12-31 22:00:00+00"],
  ["date", "'2026-12-24'", "2026-12-24"],
  ["interval", "'1 day 2 hours'", "1 day 02:00:00"],
  ["bytea", "'\\x00ff'", "\\x00ff"],
  ["double precision", "0.1", "0.1"],
  ["numeric(9, 2)", "1", "1.00"],
  ["text[]", "array['a', null, 'b,c']", '{a,NULL,"b,c"}'],
  ["jsonb", `'{"a": [1, null]}'`, '{"a": [1, null]}'],
  ["int4range", "'[1,3]'", "[1,4)"],
  ["text", "''", ""],
] as const;

test.each(defaults)(
  "a column of %s with a default joins in the migration's transaction, and no row is read",
  async (type, value, text) => {
    const { sql, db } = database;
    await sql.unsafe("drop table if exists public.grow; create table public.grow (id int primary key, a text)");
    const kind = `grow ${defaults.findIndex((one) => one[1] === value && one[0] === type)}`;
    await attach(db, "grow", { mode: "strict", kind, changes: "track" });
    await sql.unsafe("insert into grow values (1, 'x'), (2, null)");
    // However the session that migrates prints its values.
    await migrate(`set local timezone = 'Asia/Tokyo'; set local datestyle = 'German'; set local intervalstyle = 'iso_8601'; set local extra_float_digits = 3;
    set local bytea_output = 'escape'; alter table grow add b ${type} not null default ${value}, add c ${type}; select audit_chain_sync('grow')`);
    expect(await joined(kind)).toEqual({ columns: ["a", "b", "c", "id"], absent: { b: text }, anew: false });
    const before = await events(kind);
    // An honest change of an old row finds what was recorded of it.
    await sql.unsafe("insert into grow (id, a) values (3, 'y'); update grow set a = 'z' where id = 1");
    const [update] =
      await sql`select u.before_hash = i.payload_hash as fits from audit_chain as u join audit_chain as i on i.event_kind = ${kind} and i.event_pk = '1' where u.event_kind = ${`${kind}:update`}`;
    expect(update).toEqual({ fits: true });
    expect(await events(kind)).toBe(before + 2);
    const now = await expectedEvents(sql, await coverage(sql, kind));
    const [old] =
      await sql`select encode(payload_hash, 'hex') as hash from audit_chain where event_kind = ${kind} and event_pk = '2'`;
    expect(old).toEqual({ hash: now.get("2") });
    // NULL is another value than the one that is left out.
    await sql.unsafe("alter table grow alter b drop not null; update grow set b = null where id = 2");
    expect(await events(kind)).toBe(before + 3);
    await sql.unsafe("update grow set b = default where id = 2; update grow set c = b where id = 2");
    expect(await events(kind)).toBe(before + 5);
    await expectIntact(sql);
  },
);

test("what a migration does with a new column in one transaction is seen", async () => {
  const { sql, db } = database;
  const none = { absent: {}, anew: false };
  const anew = { absent: {}, anew: true };
  for (const [n, ddl, expected] of [
    [0, "add q int", none],
    [1, "add q int; update done set q = 1 where id = 1", anew],
    [2, "add q int; update done set q = null where id = 1", none],
    [13, "add q box default '(1,1),(0,0)'", { absent: { q: "(1,1),(0,0)" }, anew: false }],
    [14, "add q int; alter table done alter q set statistics 5", none],
    [3, "add q int; alter table done alter q type text using 'x'", { absent: { q: "x" }, anew: false }],
    [4, "add q uuid default gen_random_uuid()", anew],
    [5, "add q int generated always as identity", anew],
    [6, "add q int default 5; alter table done alter q drop default", { absent: { q: "5" }, anew: false }],
    [7, "add q int default 5; alter table done alter q set default 6", { absent: { q: "5" }, anew: false }],
    [8, "add q int default 5; insert into done values (3, 7)", { absent: { q: "5" }, anew: true }],
    [9, "add q int default 5; insert into done values (3)", { absent: { q: "5" }, anew: false }],
    [10, "add q int default 5; alter table done add r bigserial", { absent: { q: "5" }, anew: true }],
    [11, "add q int generated always as (id + 1) stored", none],
    [12, "add q filled", { absent: { q: "d" }, anew: false }],
  ] as const) {
    await sql.unsafe(
      `drop table if exists done; drop domain if exists filled; create domain filled as text default 'd' check (value <> ''); create table done (id int primary key)`,
    );
    const kind = `done ${n}`;
    await attach(db, "done", { kind, changes: "track", mode: "sealed" });
    await sql.unsafe("insert into done values (1), (2)");
    await migrate(`savepoint s; alter table done ${ddl}; release savepoint s; select audit_chain_sync('done')`);
    expect([ddl, await joined(kind)]).toMatchObject([ddl, expected]);
  }
  await sql`select audit_chain_seal(1000)`;
  await expectIntact(sql);
});

test("a column that was filled before, and only altered by the transaction that syncs, is read", async () => {
  const { sql, db } = database;
  for (const [n, ddl] of [
    "alter q set not null",
    "alter q set statistics 5",
    "rename q to r",
    "add other int",
    "add other int default 5; alter table was_filled alter q set not null",
  ].entries()) {
    await sql.unsafe("drop table if exists was_filled; create table was_filled (id int primary key)");
    await attach(db, "was_filled", { mode: "strict", kind: `was_filled ${n}`, changes: "track" });
    await sql.unsafe(
      "insert into was_filled values (1); alter table was_filled add q int; update was_filled set q = 7",
    );
    await migrate(
      `alter table was_filled ${ddl}; create table passing (a int, b int); drop table passing; select audit_chain_sync('was_filled')`,
    );
    const { absent } = (await joined(`was_filled ${n}`)) ?? {};
    expect([
      ddl,
      Object.values(absent ?? {})
        .map(String)
        .toSorted(),
    ]).toEqual([ddl, ddl.startsWith("add other int default") ? ["5", "7"] : ["7"]]);
  }
});

test("where sync comes later, a small table is read, and a large one is left to be recorded anew", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table later (id int primary key, body text)");
  await attach(db, "later", { mode: "strict" });
  await sql.unsafe("insert into later values (1, 'x'); alter table later add q int default 5, add n text");
  await sql.unsafe("insert into later (id) values (2)");
  await sql`select audit_chain_sync('later')`;
  expect(await joined("later")).toEqual({ columns: ["body", "id", "n", "q"], absent: { q: "5" }, anew: false });
  await sql.unsafe("alter table later add m text; insert into later (id, m) values (3, 'is not the default')");
  await sql`select audit_chain_sync('later')`;
  expect(await joined("later")).toMatchObject({ absent: { q: "5" }, anew: true });
  await sql.unsafe("alter table later alter body set storage plain");
  await sql.unsafe("insert into later select i, repeat('x', 3000) || i from generate_series(10, 20000) as i");
  await sql.unsafe("alter table later add k text");
  const [{ size } = { size: "0" }] = await sql<{ size: string }[]>`select pg_relation_size('later')::text as size`;
  await sql`select audit_chain_sync('later')`;
  expect(await joined("later")).toMatchObject({ anew: Number(size) > 8_388_608 });
  expect(Number(size)).toBeGreaterThan(8_388_608);
  // In the migration's own transaction nothing is read, however large it is.
  await migrate("alter table later add y text, add z int default 3; select audit_chain_sync('later')");
  expect(await joined("later")).toMatchObject({ absent: { q: "5", z: "3" }, anew: false });
});

test("partitions have one value of a column that joined, or rows are recorded anew", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create table parts (id int, r text, primary key (id, r)) partition by list (r);
    create table parts_a partition of parts for values in ('a'); create table parts_b partition of parts for values in ('b')`);
  await attach(db, "parts", { mode: "strict" });
  await sql.unsafe("insert into parts values (1, 'a'), (2, 'b')");
  await migrate("alter table parts add q int default 7; select audit_chain_sync('parts_a')");
  expect(await joined("parts")).toEqual({ columns: ["id", "q", "r"], absent: { q: "7" }, anew: false });
  expect(await expectChained(sql, "parts")).toBe(2);
  await sql.unsafe(
    "create table parts_c (q int, s text, r text not null, id int not null); insert into parts_c values (7, null, 'c', 3)",
  );
  await migrate(
    "alter table parts add s text default 'd'; alter table parts attach partition parts_c for values in ('c'); select audit_chain_sync('parts')",
  );
  expect(await joined("parts")).toMatchObject({ absent: { q: "7", s: "d" }, anew: true });
});

test("a renamed column keeps its member, and rows that are written before sync have it too", async () => {
  const { sql, db } = database;
  for (const changes of ["refuse", "track"] as const) {
    const kind = `names ${changes}`;
    await sql.unsafe("drop table if exists names; create table names (id int primary key, note text, other text)");
    await attach(db, "names", { mode: "strict", kind, changes });
    await sql.unsafe(
      "insert into names values (1, 'a', 'b'); alter table names rename note to remark; alter table names rename other to note; alter table names drop column if exists nothing",
    );
    await sql.unsafe(
      "insert into names select i, 'a' || i, null from generate_series(2, 4) as i; insert into names values (5, null, 'x')",
    );
    if (changes === "track")
      await sql.unsafe("update names set remark = 'c' where id = 2; delete from names where id = 3");
    expect(await sql`select audit_chain_sync('names') -> 'renamed' as renamed`).toEqual([
      { renamed: { note: "remark", other: "note" } },
    ]);
    await sql.unsafe("insert into names values (6, 'after', 'all')");
    const now = await expectedEvents(sql, await coverage(sql, kind));
    const newest = await sql<{ pk: string; hash: string }[]>`
      select split_part(event_pk, '@', 1) as pk, encode((array_agg(payload_hash order by seq desc))[1], 'hex') as hash
        from audit_chain where event_kind in (${kind}, ${`${kind}:update`}) group by 1`;
    const recorded = new Map(newest.map(({ pk, hash }) => [pk, hash]));
    for (const [pk, hash] of now) expect([pk, recorded.get(pk)]).toEqual([pk, hash]);
    expect((await coverage(sql, kind)).members).toEqual(["id", "note", "other"]);
    expect((await coverage(sql, kind)).columns).toEqual(["id", "remark", "note"]);
  }
  await expectIntact(sql);
});

test("a row whose own text is what capture reads for a column that is gone is captured as it is", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table odd (id int primary key, a text, b text)");
  await attach(db, "odd", { mode: "strict" });
  await sql.unsafe(
    "insert into odd select 1, audit_chain_gone(), 'b'; insert into odd select 2, 'x ' || audit_chain_gone(), null",
  );
  expect(await expectChained(sql, "odd")).toBe(2);
});

test("sync without a change records nothing, and a table that is not attached is an error that says what to run", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table same (id int primary key); create table stranger (id int primary key)");
  await attach(db, "same", { mode: "sealed", changes: "track" });
  const [before] = await sql`select max(id)::text as id from audit_chain_config`;
  expect(await sql`select audit_chain_sync('same') - 'warnings' as result`).toMatchObject([
    { result: { mode: "sealed", changes: "track", renamed: {}, record_anew: false } },
  ]);
  expect(await sql`select max(id)::text as id from audit_chain_config`).toEqual([before]);
  expect(await stateOf(sql`select audit_chain_sync('stranger')`)).toBe("AC002");
});

test("after a dump and a restore columns have other numbers, and are known by their names until the next sync", async () => {
  const { sql, db } = database;
  await sql.unsafe(
    "create table restored (a int primary key, gone text, c text, d text); alter table restored drop gone",
  );
  await attach(db, "restored", { mode: "strict", changes: "track" });
  await sql.unsafe("insert into restored values (1, 'c', 'd')");
  const before = await joined("restored");
  // What a restore leaves: another oid, and numbers without gaps, which are the numbers of others here.
  await sql.unsafe(
    'update audit_chain_relation set column_numbers = \'{"a": 1, "c": 4, "d": 5}\', numbered_for = 1 where kind = \'restored\'',
  );
  expect(await sql`select audit_chain_sync('restored') -> 'renamed' as renamed`).toEqual([{ renamed: {} }]);
  expect(await joined("restored")).toEqual(before);
  expect(
    await sql`select column_numbers::json as numbers, numbered_for = relid::oid as fits from audit_chain_relation where kind = 'restored'`,
  ).toEqual([{ numbers: { a: 1, c: 3, d: 4 }, fits: true }]);
  await sql.unsafe(
    "alter table restored rename d to e; select audit_chain_sync('restored'); insert into restored values (2, 'c', 'e')",
  );
  expect((await coverage(sql, "restored")).members).toEqual(["a", "c", "d"]);
  await expectIntact(sql);
});
