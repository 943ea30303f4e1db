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
  await sql.unsafe(`insert into ${table} (note, doc, tags) values ('é', '{"a": [1, null]}', '{"x y","q\\"",NULL}'), (null, null, null), ('x', '2', '{}')`);
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
