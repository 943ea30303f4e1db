/** The door by which one row of a table that refuses changes is erased, and who tries to use it otherwise. */
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
  await sql.unsafe(`create table ${table} (id int primary key, part text not null default 'a"b', note text)`);
  await sql.unsafe(`alter table ${table} add unique (id, part)`);
  await attach(db, table, options);
  await sql.unsafe(`insert into ${table} (id, note) values (1, 'é'), (2, null), (3, 'x')`);
  await sql`select audit_chain_seal(100)`;
}

const erase = async (table: string, pk: string): Promise<boolean | undefined> => {
  const [row] = await database.sql<
    { erased: boolean }[]
  >`select audit_chain_erase(${table}::text::regclass, ${pk}) as erased`;
  return row?.erased;
};

test.each([
  { options: { mode: "strict" }, pk: "2" },
  { options: { mode: "sealed" }, pk: "2" },
  { options: { mode: "sealed", blindKey: true }, pk: "2" },
  { options: { mode: "strict", key: ["id", "part"] }, pk: String.raw`["2","a\"b"]` },
])("$options: one row leaves, as an event that a statement can name", async ({ options, pk }) => {
  const table = `e${JSON.stringify(options).replaceAll(/\W/gu, "").toLowerCase()}`;
  await threeRows(table, options);
  const { sql } = database;
  expect(await erase(table, pk)).toBe(true);
  expect(await sql.unsafe(`select id from ${table} order by id`)).toMatchObject([{ id: 1 }, { id: 3 }]);
  const [event] = await sql`
    select e.kind, c.event_pk = concat(e.event_pk, '@', c.seq) as is_named, c.chain_hash = e.chain_hash as is_same,
           c.payload_hash = r.payload_hash and c.before_hash = r.payload_hash as is_row
      from audit_chain_erased(${table}::text::regclass, ${pk}) as e
      join audit_chain as c on c.seq = e.seq and c.event_kind = ${`${table}:erase`}
      join audit_chain as r on r.event_kind = e.kind and r.event_pk = e.event_pk`;
  expect(event).toEqual({ kind: table, is_named: true, is_same: true, is_row: true });
  // Once; and nobody else's row gets its key.
  expect(await erase(table, pk)).toBe(false);
  expect(await stateOf(sql.unsafe(`delete from ${table} where id = 1`))).toBe("AC004");
  expect(await sql`select from audit_chain_leaving`).toHaveLength(0);
  await expectIntact(sql);
});

test("it is for attached tables that refuse changes, and for rows that are what was recorded", async () => {
  const { sql, db } = database;
  await threeRows("edited", { mode: "strict" });
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update edited set note = 'forged' where id = 1`;
    await tx`insert into edited values (9, 'never', 'recorded')`;
  });
  expect(await stateOf(erase("edited", "1"))).toBe("AC004");
  expect(await stateOf(erase("edited", "9"))).toBe("AC004");
  expect(await erase("edited", "4")).toBe(false);
  expect(await erase("edited", "1' or true or '")).toBe(false);
  expect(await sql`select from edited`).toHaveLength(4);
  await sql`create table plain (id int primary key)`;
  expect(await stateOf(erase("plain", "1"))).toBe("AC002");
  expect(await stateOf(erase("audit_chain_config", "1"))).toBe("AC002");
  await threeRows("tracked");
  await attach(db, "tracked", { changes: "track" });
  expect(await stateOf(erase("tracked", "1"))).toBe("AC002");
  await sql.unsafe(`create table parts (id int primary key) partition by range (id);
    create table parts_1 partition of parts for values from (0) to (10)`);
  await attach(db, "parts");
  await sql`insert into parts values (1)`;
  await sql`select audit_chain_seal(100)`;
  expect(await stateOf(erase("parts", "1"))).toBe("42809");
  expect(await erase("parts_1", "1")).toBe(true);
});

test("a trigger that keeps the row keeps its erasure from being recorded", async () => {
  const { sql } = database;
  await threeRows("kept", { mode: "strict" });
  await sql.unsafe(`create function keep() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger a_keep before delete on kept for each row execute function keep()`);
  expect(await stateOf(erase("kept", "1"))).toBe("55000");
  expect(await sql`select from audit_chain where event_kind = 'kept:erase'`).toHaveLength(0);
});

test("a permission is for one row, as it is, and only who has the role gets one or hands a statement over", async () => {
  const { sql } = database;
  await threeRows("owned", { mode: "strict" });
  const role = await createLogin(sql, { grant: ["scidex_audit_retention"] });
  const other = await createLogin(sql);
  await sql.unsafe(`grant select, delete on owned to "${role.name}", "${other.name}"`);
  const open = `select audit_chain_may_erase('owned', '1', (select r.payload_hash from audit_chain_erasing_row('owned', '1') as r))`;
  {
    await using client = connect(other.url);
    for (const call of [open, "select audit_chain_erase('owned', '1')", "select audit_chain_hand_over('x')"])
      expect([call, await stateOf(client.sql.unsafe(call))]).toEqual([call, "42501"]);
  }
  await using client = connect(role.url);
  const attempt = async (...statements: string[]): Promise<string | undefined> =>
    await stateOf(client.sql.begin(async (tx) => await tx.unsafe(statements.join(";"))));
  expect(await attempt(open, "delete from owned where id = 2")).toBe("AC004");
  expect(await attempt(open)).toBeUndefined();
  expect(await attempt("delete from owned where id = 1")).toBe("AC004");
  for (const note of ["", "x", `audit-chain.statement/v1\n${"x".repeat(20_000)}`])
    expect(await stateOf(client.sql`select audit_chain_hand_over(${note})`)).toBe("22023");
  expect(await stateOf(client.sql`insert into audit_chain_handed values ('', '')`)).toBe("42501");
  await client.sql`select audit_chain_hand_over('audit-chain.statement/v1' || chr(10))`;
  await client.sql`select audit_chain_hand_over('audit-chain.statement/v1' || chr(10))`;
  expect(await sql`select from audit_chain_handed`).toHaveLength(1);
  expect(await stateOf(client.sql`select audit_chain_erase('owned', '1')`)).toBeUndefined();
  await expectIntact(sql);
});
