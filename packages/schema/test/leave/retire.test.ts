/** The door by which rows of a table that refuses changes leave by its retention, and who tries to use it for others. */
import { createLogin } from "@scidex/audit-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach } from "../../src/index.ts";
import { chainDatabase, connect, stateOf, textArray } from "../database.ts";
import { expectIntact } from "../recompute.ts";

let database: Awaited<ReturnType<typeof chainDatabase>>;
beforeAll(async () => {
  database = await chainDatabase();
});
afterAll(async () => database.drop());

const retire = async (table: string, before = "1 second", more = "") => {
  const [row] = await database.sql.unsafe<{ retired: number; different: number; next: string | null }[]>(
    `select r.retired, r.different, r.next::text from public.audit_chain_retire('${table}', '${before}'${more}) as r`,
  );
  return { ...row };
};

const retired = async (kind: string): Promise<string[]> => {
  const rows = await database.sql<{ pk: string }[]>`
    select regexp_replace(r.event_pk, '@[0-9]+$', '') as pk from public.audit_chain as r
      join public.audit_chain as e on e.event_kind = ${kind} and e.event_pk = regexp_replace(r.event_pk, '@[0-9]+$', '')
     where r.event_kind = ${`${kind}:retire`} and r.payload_hash = e.payload_hash and r.before_hash = e.payload_hash
       and r.event_pk = concat(e.event_pk, '@', r.seq) order by r.seq`;
  return rows.map(({ pk }) => pk);
};

/** A table with two rows that are a second old, and one that is not. */
async function threeRows(table: string, options: object, columns = "id int primary key, note text"): Promise<void> {
  const { sql, db } = database;
  await sql.unsafe(`create table ${table} (${columns})`);
  await attach(db, table, { retention: "PT1S", ...options });
  await sql.unsafe(`insert into ${table} values (1, 'é"'), (2, null)`);
  await sql`select audit_chain_seal(100), pg_sleep(1.1)`;
  await sql.unsafe(`insert into ${table} values (3, 'young')`);
  await sql`select audit_chain_seal(100)`;
}

test.each([
  { mode: "strict" },
  { mode: "sealed" },
  { mode: "sealed", blindKey: true },
  { mode: "strict", key: ["id", "note2"] },
])("%j: what is old enough leaves, each row as an event, and nothing else", async (options) => {
  const table = `t${JSON.stringify(options).replaceAll(/\W/gu, "").toLowerCase()}`;
  await threeRows(table, options, "id int primary key, note text, note2 text not null default 'x', unique (id, note2)");
  expect(await stateOf(database.sql.unsafe(`delete from ${table}`))).toBe("AC004");
  expect(await retire(table)).toEqual({ retired: 2, different: 0, next: null });
  expect(await database.sql.unsafe(`select id from ${table}`)).toMatchObject([{ id: 3 }]);
  expect(await retired(table)).toHaveLength(2);
  expect(await database.sql`select from audit_chain_leaving`).toHaveLength(0);
  expect(await stateOf(database.sql.unsafe(`delete from ${table}`))).toBe("AC004");
  expect(await retire(table)).toMatchObject({ retired: 0 });
  await expectIntact(database.sql);
});

test("in parts, one behind the other, and partition by partition", async () => {
  const { sql, db } = database;
  await sql.unsafe(`create table parts (id int primary key, n int) partition by range (id);
    create table parts_1 partition of parts for values from (0) to (100); create table parts_2 partition of parts for values from (100) to (200)`);
  await attach(db, "parts", { retention: "PT1S" });
  await sql.unsafe("insert into parts select n, n from generate_series(1, 103) as n");
  await sql`select audit_chain_seal(1000), pg_sleep(1.1)`;
  expect(await stateOf(retire("parts"))).toBe("42809");
  const first = await retire("parts_1", "1 second", ", 50");
  expect(first).toEqual({ retired: 50, different: 0, next: "(0,50)" });
  const second = await retire("parts_1", "1 second", `, 50, '${first.next}'`);
  expect(second).toEqual({ retired: 49, different: 0, next: null });
  expect(await retire("parts_2")).toMatchObject({ retired: 4 });
  expect(await retired("parts")).toHaveLength(103);
  await expectIntact(sql);
});

test("the door keeps to the retention, which somebody has to have recorded", async () => {
  const { sql, db } = database;
  await threeRows("kept", { mode: "strict", retention: undefined });
  expect(await stateOf(retire("kept"))).toBe("AC002");
  for (const retention of ["400 days", "P1M", "P", "PT", "P0D", "P1DT", "-P1D", ""])
    expect([retention, await stateOf(sql`select audit_chain_attach('kept', retention => ${retention})`)]).toEqual([
      retention,
      "22023",
    ]);
  expect(await attach(db, "kept", { retention: "P1DT2H" })).toMatchObject({ retention: "P1DT2H" });
  // What is not said stays; a month and its interval of 30 days are not the same everywhere.
  expect(await attach(db, "kept", { mode: "sealed" })).toMatchObject({ retention: "P1DT2H" });
  for (const before of ["1 second", "25 hours", "-1 year", "1 year -366 days"])
    expect([before, await stateOf(retire("kept", before))]).toEqual([before, "AC004"]);
  expect(await retire("kept", "27 hours")).toEqual({ retired: 0, different: 0, next: null });
  expect(await attach(db, "kept", { retention: "none" })).toMatchObject({ retention: null });
  expect(await stateOf(retire("kept", "10 years"))).toBe("AC002");
  await attach(db, "kept", { retention: "PT1S", changes: "track" });
  expect(await stateOf(retire("kept"))).toBe("AC002");
  expect(await stateOf(retire("senate_alerts"))).toBe("AC002");
  expect(await stateOf(retire("audit_chain_config"))).toBe("AC002");
  expect(await sql`select from kept`).toHaveLength(3);
});

test("a row that was changed past its trigger stays, whoever would be glad to see it go", async () => {
  const { sql } = database;
  await threeRows("edited", { mode: "strict" });
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update edited set note = 'forged' where id = 1`;
    await tx`insert into edited values (9, 'never recorded')`;
  });
  expect(await retire("edited")).toEqual({ retired: 1, different: 1, next: null });
  expect(await sql`select id from edited order by id`).toMatchObject([{ id: 1 }, { id: 3 }, { id: 9 }]);
});

test("a permission is for one row, as it is, once, and ends with its transaction", async () => {
  const { sql } = database;
  await threeRows("one", { mode: "strict" });
  const [hash] = await sql<
    { hash: string }[]
  >`select payload_hash::text as hash from audit_chain where event_kind = 'one' and event_pk = '1'`;
  const open = `select audit_chain_may_retire('one', '1 second', '${textArray(["1"])}', array['${hash?.hash}'::bytea])`;
  const attempt = async (...statements: string[]): Promise<string | undefined> =>
    await stateOf(sql.begin(async (tx) => await tx.unsafe(statements.join(";"))));
  expect(await attempt(open, "delete from one where id = 2")).toBe("AC004");
  expect(await attempt(open, "update one set note = 'x' where id = 1")).toBe("AC004");
  expect(await attempt(open, "truncate one")).toBe("AC004");
  expect(await attempt(open)).toBeUndefined();
  expect(await sql`select from audit_chain_leaving`).toHaveLength(0);
  expect(await attempt("delete from one where id = 1")).toBe("AC004");
  // With the hash of another row nothing is let go, and with what the row is not, neither.
  expect(await attempt(open.replace('"1"', '"2"'), "delete from one where id = 2")).toBe("AC004");
  // Whatever a session can set.
  expect(
    await attempt(
      "set local audit_chain.retire = on",
      "select set_config('audit_chain_leaving.role', 'retire', true)",
      "create temp table audit_chain_leaving as select pg_current_xact_id() as xid, 'one' as event_kind, '1' as event_pk, ''::bytea as payload_hash, 'retire' as role",
      "set local search_path = pg_temp, public",
      "delete from one where id = 1",
    ),
  ).toBe("AC004");
  // The caller's own DELETE of what he may retire is recorded like the door's.
  expect(await attempt(open, "delete from one where id = 1")).toBeUndefined();
  expect(await retired("one")).toEqual(["1"]);
  await expectIntact(sql);
});

test("only who has the role and may delete from the table retires, and the table's triggers run as the caller", async () => {
  const { sql, url } = database;
  await threeRows("owned", { mode: "strict" });
  await sql.unsafe(`create table ran_as (who text); grant insert on ran_as to public;
    create function tell() returns trigger language plpgsql as $$ begin insert into ran_as values (current_user); return old; end $$;
    create trigger tell before delete on owned for each row execute function tell()`);
  const role = await createLogin(sql, { grant: ["scidex_audit_retention"] });
  const other = await createLogin(sql);
  await sql.unsafe(`grant select, delete on owned to "${other.name}"; grant select on owned to "${role.name}"`);
  const call = "select audit_chain_retire('owned', '1 second')";
  for (const { url: login } of [role, other]) {
    await using client = connect(login);
    expect(await stateOf(client.sql.unsafe(call))).toBe("42501");
    expect(await stateOf(client.sql`delete from owned`)).toBe(login === other.url ? "AC004" : "42501");
    for (const statement of [
      "insert into audit_chain_leaving values (pg_current_xact_id(), 'owned', '1', '', 'retire')",
    ])
      expect(await stateOf(client.sql.unsafe(statement))).toBe("42501");
  }
  await sql.unsafe(`grant delete on owned to "${role.name}"`);
  await using client = connect(role.url);
  await client.sql.unsafe(call);
  expect(await sql`select distinct who from ran_as`).toEqual([{ who: role.name }]);
  // Where the machine is busy, the third is old enough by now too.
  expect((await retired("owned")).slice(0, 2)).toEqual(["1", "2"]);
  expect(url).not.toBe(role.url);
});

test("a key that was retired is used by no other row", async () => {
  const { sql } = database;
  await threeRows("again", { mode: "strict" });
  await retire("again");
  for (const note of ["null", "'another'"])
    expect(await stateOf(sql.unsafe(`insert into again values (2, ${note})`))).toBe("AC001");
  expect(await sql`select from again`).toHaveLength(1);
});
