import { afterAll, beforeAll, expect, test } from "vitest";
import { attach } from "../../src/index.ts";
import { chainDatabase, stateOf } from "../database.ts";
import { coverage, expectChained, expectedEvents, expectIntact } from "../recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
});
afterAll(async () => database.drop());

const config = async (kind: string) =>
  (await database.sql`select * from audit_chain_config where kind = ${kind} order by id desc limit 1`)[0];
const hashes = async (kind: string) =>
  Object.fromEntries(
    (
      await database.sql`select event_pk, encode(payload_hash, 'hex') as h from audit_chain where event_kind = ${kind} order by seq`
    ).map((r) => [String(r["event_pk"]), String(r["h"])]),
  );

test("columns that are added break no old row, and are covered once the table is attached again", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table grows (id int primary key, a text)");
  await attach(db, "grows", { mode: "strict" });
  await sql.unsafe(
    "insert into grows values (1, 'x'); alter table grows add b text; insert into grows values (2, 'y', 'not yet')",
  );
  expect(await expectChained(sql, "grows")).toBe(2);
  const again = await attach(db, "grows");
  expect(again).toMatchObject({ columns: ["a", "b", "id"], complete: true, rows_to_backfill: 0 });
  await sql.unsafe(
    "insert into grows values (3, 'z', 'now'); alter table grows add c int not null default 7; insert into grows values (4, 'q', null, 8)",
  );
  await attach(db, "grows", { mode: "strict" });
  await sql.unsafe("insert into grows values (5, 'r', null, 9)");
  const now = await expectedEvents(sql, await coverage(sql, "grows"));
  const chained = await hashes("grows");
  expect(chained["5"]).toBe(now.get("5"));
  // Rows are checked against the columns of their time.
  const columns = ["a", "b", "id"];
  const then = await expectedEvents(sql, { ...(await coverage(sql, "grows")), columns, members: columns });
  expect(chained["3"]).toBe(then.get("3"));
  await expectIntact(sql);
});

test("inserts keep working after columns are dropped, renamed or retyped, and what happened is recorded", async () => {
  const { sql, db } = database;
  for (const [mode, changes] of [
    ["sealed", "refuse"],
    ["strict", "track"],
  ] as const) {
    const kind = `moves ${changes}`;
    await sql.unsafe(
      "drop table if exists moves; create table moves (id int primary key, a text, b int, noise text, gone text)",
    );
    await attach(db, "moves", { mode, changes, kind, exclude: ["noise"] });
    await sql.unsafe(`insert into moves values (1, 'x', 1, 'n', 'g'); alter table moves rename a to "A b"; alter table moves drop gone;
      alter table moves alter b type numeric(9, 2); alter table moves rename noise to static; insert into moves values (2, 'y', 2, 'n')`);
    await sql`select audit_chain_seal(1000)`;
    expect(Object.keys(await hashes(kind))).toEqual(["1", "2"]);
    const again = await attach(db, "moves");
    expect(again).toMatchObject({
      columns: ["A b", "b", "id"],
      excluded: ["static"],
      renamed: { a: "A b" },
      mode,
      changes,
      complete: true,
    });
    expect(await config(kind)).toMatchObject({ columns: '{"A b",b,id}', members: "{a,b,id}" });
    expect(String((await config(kind))?.["column_types"])).toContain("numeric(9,2)");
    await sql.unsafe("insert into moves values (3, 'z', 3.5, 'n'); update moves set static = 'other'");
    const now = await expectedEvents(sql, await coverage(sql, kind));
    await sql`select audit_chain_seal(1000)`;
    expect((await hashes(kind))["3"]).toBe(now.get("3"));
    expect(await stateOf(sql`update moves set "A b" = 'no'`)).toBe(changes === "refuse" ? "AC004" : undefined);
  }
  await expectIntact(sql);
});

test("a renamed key is found by its number until the table is attached again, whatever its values look like", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create type odd_label as enum ('a,b', 'q"uote', 'x');
    create table keyed (junk int, one text, two odd_label, pay text, primary key (one, two)); alter table keyed drop junk;
    create table single (x int, k text primary key)`);
  for (const changes of ["refuse", "track"] as const) {
    await sql.unsafe("truncate table nothing").catch(() => {});
    const kind = `keyed ${changes}`;
    if (changes === "track")
      await sql.unsafe(
        "drop table keyed; create table keyed (junk int, one text, two odd_label, pay text, primary key (one, two)); alter table keyed drop junk",
      );
    await attach(db, "keyed", { kind, changes, mode: changes === "track" ? "strict" : "sealed" });
    await sql.unsafe(`alter table keyed rename one to "first"; alter table keyed rename two to second`);
    const odd = ["plain", "", 'a "b" \\ c', "(x,)", " lead", "tab\t", "new\nline", "é😀", ",", '"', "\\", '""', "()"];
    for (const value of odd) await sql`insert into keyed ("first", second, pay) values (${value}, 'q"uote', '(,"\\')`;
    await sql`select audit_chain_seal(1000)`;
    expect(Object.keys(await hashes(kind)).toSorted()).toEqual(
      odd.map((value) => JSON.stringify([value, 'q"uote'])).toSorted(),
    );
    expect(await attach(db, "keyed")).toMatchObject({
      key: ["first", "second"],
      renamed: { one: "first", two: "second" },
    });
    await sql`insert into keyed ("first", second) values ('after', 'x')`;
    await sql`select audit_chain_seal(1000)`;
    expect(Object.keys(await hashes(kind))).toContain('["after","x"]');
  }
  await attach(db, "single", { mode: "strict" });
  await sql.unsafe(
    "alter table single rename k to kk; insert into single values (1, 'it''s'), (null, ''), (3, 'NULL')",
  );
  expect(Object.keys(await hashes("single")).toSorted()).toEqual(["", "NULL", "it's"]);
  await expectIntact(sql);
});

test("a renamed key of a partitioned table is found in partitions with another column order", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create table split (id int, region text, body text, primary key (id, region)) partition by list (region);
    create table split_a (body text, x int, region text not null, id int not null); alter table split_a drop x; alter table split attach partition split_a for values in ('a')`);
  await attach(db, "split", { mode: "strict" });
  await sql.unsafe(
    "alter table split rename id to number; insert into split values (5, 'a', 'b'); insert into split_a (number, region) values (6, 'a')",
  );
  expect(Object.keys(await hashes("split"))).toEqual(['["5","a"]', '["6","a"]']);
});

test("a dropped key column is an error that says what to do, not a wrong key", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table unkeyed (id int primary key, other int not null unique)");
  await attach(db, "unkeyed", { mode: "strict" });
  await sql`alter table unkeyed drop id`;
  const error: unknown = await sql`insert into unkeyed values (1)`.catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "AC005", hint: expect.stringContaining("run audit-chain sync") as string });
  await attach(db, "unkeyed", { key: ["other"] });
  await sql`insert into unkeyed values (1)`;
  expect(Object.keys(await hashes("unkeyed"))).toEqual(["1"]);
});

test("a column that was dropped and made again under its name is recorded as another column", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table swapped (id int primary key, a text)");
  await attach(db, "swapped", { mode: "strict" });
  await sql.unsafe("insert into swapped values (1, 'old'); alter table swapped drop a; alter table swapped add a text");
  expect(await attach(db, "swapped")).toMatchObject({ renamed: {} });
  expect(await config("swapped")).toMatchObject({ columns: "{a,id}", members: "{a#2,id}" });
  await sql.unsafe("insert into swapped values (2, 'new')");
  const now = await expectedEvents(sql, await coverage(sql, "swapped"));
  expect((await hashes("swapped"))["2"]).toBe(now.get("2"));
});

test("a renamed enum label or a changed composite type keeps inserts working and is recorded with the types", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create type stage as enum ('new', 'done'); create type place as (x int, y stage); create domain spot as place;
    create table typed (id int primary key, s stage, p place, ps place[], d spot, r tstzrange)`);
  await attach(db, "typed", { mode: "strict" });
  const first = String((await config("typed"))?.["column_types"]);
  await sql.unsafe(`insert into typed values (1, 'new', row(1, 'new'), array[row(2, 'done')::place], row(3, 'new')::place); alter type stage rename value 'new' to 'fresh';
    alter type place add attribute z text; insert into typed values (2, 'fresh', row(1, 'fresh', 'z'))`);
  await attach(db, "typed", { mode: "strict" });
  const second = String((await config("typed"))?.["column_types"]);
  expect(first).toContain("'new','done'");
  expect(second).toContain("'fresh','done'");
  expect(second).not.toContain("'new'");
  expect(second).toContain(String.raw`\"z\" text`);
  await sql.unsafe("insert into typed values (3, 'done', row(5, 'fresh', 'q'))");
  const now = await expectedEvents(sql, await coverage(sql, "typed"));
  const chained = await hashes("typed");
  expect([chained["2"], chained["3"]]).toEqual([now.get("2"), now.get("3")]);
  await expectIntact(sql);
});

test("a renamed or moved table is still captured, and attached again under its kind", async () => {
  const { sql, db } = database;
  await sql.unsafe("create table before_it (id int primary key); create schema elsewhere");
  await attach(db, "before_it", { mode: "strict" });
  await sql.unsafe(
    "alter table before_it rename to after_it; insert into after_it values (1); alter table after_it set schema elsewhere; insert into elsewhere.after_it values (2)",
  );
  expect(await stateOf(sql`delete from elsewhere.after_it`)).toBe("AC004");
  expect(await attach(db, "elsewhere.after_it")).toMatchObject({ kind: "before_it", relation: "elsewhere.after_it" });
  await sql`insert into elsewhere.after_it values (3)`;
  expect(await expectChained(sql, "before_it")).toBe(3);
});

test("adopted rows: each once, none that has changed meanwhile, keys with an @ apart, nothing without a key", async () => {
  const { sql, db } = database;
  await sql.unsafe(
    "create table mails (k text primary key, v int); insert into mails values ('bob', 1), ('bob@x', 1), ('bob@x@y', 1), ('carol', 1), ('5', 1), ('5@1', 1)",
  );
  expect(await attach(db, "mails", { changes: "track", mode: "strict" })).toMatchObject({
    complete: false,
    rows_to_backfill: 6,
  });
  await sql.unsafe("update mails set v = 2 where k in ('bob@x', 'carol', '5@1')");
  const keys = "array['bob','bob@x','bob@x@y','carol','5','5@1']";
  const adopt = `select audit_chain_adopt('mails', ${keys}, array(select sha256(convert_to(k, 'UTF8')) from unnest(${keys}) k)) as n`;
  expect((await sql.unsafe(adopt))[0]?.["n"]).toBe(3);
  expect((await sql.unsafe(adopt))[0]?.["n"]).toBe(0);
  const chained = await sql`select event_pk from audit_chain where event_kind = 'mails' order by seq`;
  expect(chained.map((r) => String(r["event_pk"]))).toEqual(["bob", "bob@x@y", "5"]);
  expect(await stateOf(sql.unsafe("select audit_chain_adopt('mails', array[null]::text[], array[sha256('x')])"))).toBe(
    "AC005",
  );
  expect(await stateOf(sql.unsafe("select audit_chain_adopt('mails', array['x'], array['\\x00'::bytea])"))).toBe(
    "22023",
  );
  await sql`select audit_chain_complete('mails')`;
  expect(await stateOf(sql.unsafe(adopt))).toBe("AC002");
  expect(
    await stateOf(sql.unsafe("select audit_chain_adopt('audit_chain_config', array['77'], array[sha256('x')])")),
  ).toBe("AC002");
  await expectIntact(sql);
});
