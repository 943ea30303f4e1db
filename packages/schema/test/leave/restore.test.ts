/** The door by which a row is put back that was changed or deleted past its trigger, and who tries to use it otherwise. */
import { createLogin } from "@scidex/audit-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach } from "../../src/index.ts";
import { chainDatabase, connect, stateOf } from "../database.ts";
import { expectIntact } from "../recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
});
afterAll(async () => database.drop());

async function threeRows(table: string, options: object = {}): Promise<void> {
  const { sql, db } = database;
  await sql.unsafe(`create table ${table} (
    id int generated always as identity primary key, part text not null default 'a"b', note text,
    at timestamptz default '2026-04-28 12:00:00.12+00', doc jsonb, tags text[], noise int default 7,
    twice int generated always as (id * 2) stored, unique (id, part))`);
  await attach(db, table, { exclude: ["noise"], ...options });
  await sql.unsafe(
    `insert into ${table} (note, doc, tags) values ('é', '{"a": [1, null]}', '{"x y","q\\"",NULL}'), (null, null, null), ('x', '2', '{}')`,
  );
  await sql`select audit_chain_seal(100)`;
}

/** Past triggers and guards, as a superuser can. */
const past = async (statement: string): Promise<void> => {
  await database.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx.unsafe(statement);
  });
};

const rowOf = async (table: string, id: number): Promise<string> => {
  const [row] = await database.sql.unsafe<{ row: string }[]>(
    `select row_to_json(t)::text as row from ${table} as t where id = ${id}`,
  );
  return row?.row ?? "none";
};

const restore = async (table: string, pk: string, row: string, sql = database.sql) => {
  const [answer] = await sql<{ event: string; seq: string; found: string | null }[]>`
    select encode(r.payload_hash, 'hex') as event, r.seq::text, encode(r.before_hash, 'hex') as found
      from audit_chain_restore(${table}::text::regclass, ${pk}, ${row}::text::json) as r`;
  return answer;
};

const restoredEvents = async (kind: string) => {
  await database.sql`select audit_chain_seal(100)`;
  return await database.sql<{ is_named: boolean; before: string | null; is_same: boolean }[]>`
    select c.event_pk = concat(r.event_pk, '@', c.seq) as is_named, encode(c.before_hash, 'hex') as before, c.payload_hash = r.payload_hash as is_same
      from audit_chain as c join audit_chain as r on r.event_kind = ${kind} and starts_with(c.event_pk, concat(r.event_pk, '@'))
     where c.event_kind = ${`${kind}:restore`} order by c.seq`;
};

test.each([
  { options: { mode: "strict" }, pk: "1" },
  { options: { mode: "sealed" }, pk: "1" },
  { options: { mode: "sealed", blindKey: true }, pk: "1" },
  { options: { mode: "strict", salt: true }, pk: "1" },
  { options: { mode: "sealed", changes: "track", salt: true, blindKey: true }, pk: "1" },
  { options: { mode: "strict", key: ["id", "part"] }, pk: String.raw`["1","a\"b"]` },
  { options: { mode: "strict", changes: "track" }, pk: "1" },
  { options: { mode: "sealed", changes: "track" }, pk: "1" },
])("$options: a row that was edited and one that is gone come back, and the chain says so", async ({ options, pk }) => {
  const table = `r${JSON.stringify(options).replaceAll(/\W/gu, "").toLowerCase()}`;
  await threeRows(table, options);
  const backup = await rowOf(table, 1);
  await past(`update ${table} set note = 'forged', tags = null, noise = 8 where id = 1`);
  const edited = await restore(table, pk, backup);
  expect(edited?.found).toMatch(/^[0-9a-f]{64}$/u);
  expect(await rowOf(table, 1)).toBe(backup.replace('"noise":7', '"noise":8'));
  await past(`delete from ${table} where id = 1`);
  expect(await restore(table, pk, backup)).toMatchObject({ event: edited?.event, found: null });
  expect(await rowOf(table, 1)).toBe(backup);
  expect(await restoredEvents(table)).toEqual([
    { is_named: true, before: edited?.found, is_same: true },
    { is_named: true, before: null, is_same: true },
  ]);
  for (const name of ["leaving", "pending", "ticket"])
    expect(await database.sql.unsafe(`select from audit_chain_${name}`)).toHaveLength(0);
  await expectIntact(database.sql);
});

/** As `restore`, by what it fails with. */
const refusal = async (table: string, pk: string, row: string, sql = database.sql) =>
  await stateOf(restore(table, pk, row, sql));

test("only the row that was recorded last comes back, and nothing is done for another", async () => {
  const { sql } = database;
  await threeRows("tracked", { changes: "track", mode: "strict" });
  const first = await rowOf("tracked", 1);
  await sql`update tracked set note = 'second' where id = 1`;
  const second = await rowOf("tracked", 1);
  await past("update tracked set note = 'forged' where id = 1; delete from tracked where id = 2");
  const forged = await rowOf("tracked", 1);
  for (const row of [first, forged, second.replace("second", "third")])
    expect([row, await refusal("tracked", "1", row)]).toEqual([row, "AC001"]);
  for (const row of ["[]", "null", '"text"', second.replace('"note"', '"nota"')])
    expect([row, await refusal("tracked", "1", row)]).toEqual([row, "22023"]);
  // Another row's key, and another row under this one.
  expect(await refusal("tracked", "2", second)).toBe("23505");
  expect(await refusal("tracked", "2", second.replace('"id":1', '"id":9'))).toBe("AC001");
  expect(await rowOf("tracked", 1)).toBe(forged);
  expect(await sql`select from tracked`).toHaveLength(2);
  expect(await sql`select from audit_chain where event_kind = 'tracked:restore'`).toHaveLength(0);
  expect(await refusal("tracked", "1", second)).toBeUndefined();
  // A row that is what was recorded, and one that nobody has recorded.
  expect(await refusal("tracked", "1", second)).toBe("55000");
  expect(await refusal("tracked", "3", await rowOf("tracked", 3))).toBe("55000");
  expect(await refusal("tracked", "4", second)).toBe("P0002");
  expect(await refusal("tracked", "1' or true or '", second)).toBe("P0002");
  await sql.unsafe("create table unattached (id int primary key)");
  expect(await refusal("unattached", "1", "{}")).toBe("AC002");
  expect(await refusal("audit_chain_config", "1", "{}")).toBe("AC002");
});

test("a row that has left lawfully stays away, and one of which an event waits is left alone", async () => {
  const { sql } = database;
  await threeRows("left_behind", { mode: "strict", retention: "PT1S" });
  const rows = [await rowOf("left_behind", 1), await rowOf("left_behind", 2), await rowOf("left_behind", 3)];
  await sql`select audit_chain_erase('left_behind', '1')`;
  await sql`select pg_sleep(1.1)`;
  await sql`select audit_chain_retire('left_behind', '1 second', 1)`;
  await past("delete from left_behind where id = 3");
  for (const [i, row] of rows.entries())
    expect([i, await refusal("left_behind", String(i + 1), row)]).toEqual([i, "AC004"]);
  await threeRows("deleted", { mode: "sealed", changes: "track" });
  const row = await rowOf("deleted", 1);
  await sql`delete from deleted where id = 1`;
  expect(await refusal("deleted", "1", row)).toBe("55000");
  await sql`select audit_chain_seal(10)`;
  expect(await refusal("deleted", "1", row)).toBe("AC004");
  await expectIntact(sql);
});

test("it is judged as the table's own triggers leave it", async () => {
  const { sql } = database;
  await threeRows("meddled", { mode: "strict", changes: "track" });
  const row = await rowOf("meddled", 1);
  await past("delete from meddled where id = 1");
  const meddle = async (timing: string, body: string) => {
    await sql.unsafe(`create or replace function meddle() returns trigger language plpgsql as $$ begin ${body} end $$;
      drop trigger if exists z_meddle on meddled; create trigger z_meddle ${timing} on meddled for each row execute function meddle()`);
    return await refusal("meddled", "1", row);
  };
  expect(await meddle("before insert", "new.note := 'meddled'; return new;")).toBe("AC001");
  expect(await meddle("before insert", "return null;")).toBe("55000");
  expect(await meddle("after insert", "update meddled set note = 'x' where id = new.id; return null;")).toBe("AC001");
  expect(await meddle("after insert", "delete from meddled where id = new.id; return null;")).toBe("AC001");
  expect(await sql`select from meddled`).toHaveLength(2);
  expect(await meddle("before insert", "new.noise := 99; return new;")).toBeUndefined();
  expect(await rowOf("meddled", 1)).toBe(row.replace('"noise":7', '"noise":99'));
  // Without capture nobody bears the caller out.
  await past("delete from meddled where id = 1");
  await sql.unsafe(`alter table meddled disable trigger "0_audit_chain_track"`);
  expect(await refusal("meddled", "1", row)).toBe("55000");
  expect(await restoredEvents("meddled")).toHaveLength(1);
});

test("a permission is for one row, as it was, once, and ends with its transaction", async () => {
  const { sql } = database;
  await threeRows("owned", { mode: "strict" });
  const row = await rowOf("owned", 1);
  const recorded = `'forged', part = 'a"b'`;
  await past("update owned set note = 'forged' where id = 1; delete from owned where id = 3");
  const role = await createLogin(sql, { grant: ["scidex_audit_retention"] });
  const other = await createLogin(sql);
  await sql.unsafe(`grant select, insert, update, delete on owned to "${role.name}", "${other.name}"`);
  const found = "(select r.payload_hash from audit_chain_erasing_row('owned', '1') as r)";
  const open = `select audit_chain_may_restore('owned', '1', ${found}, '${row}')`;
  const close = `select audit_chain_restored('owned', '1', '\\x00', (select payload_hash from audit_chain where event_kind = 'owned' and event_pk = '1'))`;
  {
    await using client = connect(other.url);
    for (const call of [open.replace(found, "null"), close, `select audit_chain_restore('owned', '1', '${row}')`])
      expect([call, await stateOf(client.sql.unsafe(call))]).toEqual([call, "42501"]);
  }
  await sql.unsafe(`grant scidex_audit_ro to "${role.name}"`);
  await using client = connect(role.url);
  const attempt = async (...statements: string[]): Promise<string | undefined> =>
    await stateOf(client.sql.begin(async (tx) => await tx.unsafe(statements.join(";"))));
  const back = "update owned set note = 'é' where id = 1";
  expect(await attempt(open, "update owned set note = 'other' where id = 1")).toBe("AC001");
  expect(await attempt(open, "update owned set note = 'x' where id = 2")).toBe("AC004");
  expect(await attempt(open, back, `update owned set note = ${recorded} where id = 1`)).toBe("AC004");
  expect(await attempt(open, "delete from owned where id = 1")).toBe("AC004");
  expect(await attempt(open, back, "delete from owned where id = 1")).toBe("AC004");
  expect(await attempt(open)).toBeUndefined();
  expect(await attempt(back)).toBe("AC004");
  // Not for a row that is what was recorded, to be deleted; nor for one that gets another's key: its own would be gone.
  const honest = `select audit_chain_may_restore('owned', '2', '\\x00', '{}')`;
  expect(await attempt(honest, "delete from owned where id = 2")).toBe("AC004");
  await sql.unsafe("create table keyed (id int primary key, note text)");
  await attach(database.db, "keyed", { mode: "strict" });
  await sql.unsafe(`insert into keyed values (1, 'a'), (3, 'x'); grant update, select on keyed to "${role.name}"`);
  await past("delete from keyed where id = 3");
  const missing = `select audit_chain_may_restore('keyed', '3', '\\x00', '{"id":3,"note":"x"}')`;
  expect(await attempt(missing, "update keyed set id = 3, note = 'x' where id = 1")).toBe("AC004");
  // Who has put nothing back has nothing recorded.
  expect(await attempt(close)).toBe("55000");
  await sql.unsafe("create table tracked_too (id int primary key, note text)");
  await attach(database.db, "tracked_too", { changes: "track", mode: "strict" });
  await sql.unsafe(`insert into tracked_too values (1, 'a'); grant select, update on tracked_too to "${role.name}"`);
  const hide = `select audit_chain_restored('tracked_too', '1', r.before_hash, r.payload_hash)
    from (select payload_hash, sha256('x') as before_hash from audit_chain where event_kind = 'tracked_too') as r`;
  const twice = ["update tracked_too set note = 'b'", "update tracked_too set note = 'a'"];
  expect(await attempt(...twice, hide)).toBe("55000");
  expect(await attempt(...twice, hide.replace("sha256('x')", "payload_hash"))).toBe("55000");
  expect(
    await sql`select from audit_chain where event_kind like '%owned:restore' or event_kind = 'tracked_too:restore'`,
  ).toHaveLength(0);
  // Things of the session's own do not stand in the way of the door, nor steer it.
  expect(
    await attempt(
      "create temp table audit_chain_leaving (like owned)",
      "create function pg_temp.json_typeof(json) returns text language sql as $$ select 'array' $$",
      "create function pg_temp.always(tid, tid) returns boolean language sql as $$ select true $$",
      "create operator pg_temp.= (leftarg = tid, rightarg = tid, function = pg_temp.always)",
      "set local search_path = pg_temp, public, pg_catalog",
      "set local timezone = 'Asia/Tokyo'; set local datestyle = 'SQL, DMY'; set local standard_conforming_strings = off",
      `select public.audit_chain_restore('public.owned', '1', '${row}')`,
    ),
  ).toBeUndefined();
  expect(await rowOf("owned", 1)).toBe(row);
  await expectIntact(sql);
});

test("into the partition that it belongs to, under a column's name of now or of then, and with what older rows have", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create table parts (id int, day int, debit text, primary key (id, day)) partition by range (day);
    create table parts_1 partition of parts for values from (0) to (10);
    create table parts_2 partition of parts for values from (10) to (20)`);
  await attach(db, "parts", { mode: "strict" });
  await sql.unsafe("insert into parts values (1, 1, 'a'), (2, 11, 'b')");
  await sql.unsafe("alter table parts rename debit to credit; alter table parts add joined int default 5");
  await sql`select audit_chain_sync('parts')`;
  await past("update parts set credit = 'forged', joined = 6 where id = 1; delete from parts where id = 2");
  expect(await refusal("parts", '["1","1"]', '{"id":1,"day":1,"credit":"a"}')).toBeUndefined();
  expect(await refusal("parts_1", '["2","11"]', '{"id":"2","day":"11","debit":"b"}')).toBeUndefined();
  expect(await sql`select tableoid::regclass::text as part, * from parts order by id`).toMatchObject([
    { part: "parts_1", id: 1, credit: "a", joined: 5 },
    { part: "parts_2", id: 2, credit: "b", joined: 5 },
  ]);
  expect(await sql`select from audit_chain where event_kind = 'parts:restore'`).toHaveLength(2);
});
