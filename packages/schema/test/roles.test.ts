import {
  createDatabase,
  createLogin,
  type EmbeddedServer,
  type Login,
  startEmbedded,
  type TestDatabase,
} from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach, migrate } from "../src/index.ts";
import { connect, stateOf } from "./database.ts";
import { expectChained, expectIntact } from "./recompute.ts";

const ROLES = ["writer", "publisher", "retention", "ro", "inspector", "alert"] as const;
let server: EmbeddedServer;
let database: TestDatabase;
const logins: Record<string, Login> = {};

beforeAll(async () => {
  server = await startEmbedded();
  database = await createDatabase({ server });
  const { sql } = database;
  // The installer's default privileges must not leak into ours.
  await sql.unsafe(`create role app login password 'app'; create role nobody_special;
    alter default privileges grant all on tables to app; alter default privileges grant execute on functions to app;
    alter default privileges grant all on sequences to app; alter default privileges grant execute on functions to public`);
  await migrate(drizzle(sql));
  await sql.unsafe("create table task_events (id int primary key, body text); create table loose (id int primary key)");
  await attach(drizzle(sql), "task_events", { mode: "strict" });
  await attach(drizzle(sql), "loose", { mode: "sealed", changes: "track" });
  await sql.unsafe(
    "grant create on schema public to public; grant all on task_events, loose to public; insert into task_events values (1, 'real'); select audit_chain_enqueue('e', '1', sha256('x'))",
  );
  for (const role of ROLES) logins[role] = await createLogin(sql, { grant: [`scidex_audit_${role}`] });
  logins["none"] = await createLogin(sql);
  logins["creator"] = await createLogin(sql, { attributes: "createrole createdb" });
});
afterAll(async () => server.stop());

const as = (role: string) => {
  const login = logins[role];
  if (login === undefined) throw new Error(role);
  return connect(login.url);
};

const TABLES = [
  "audit_chain",
  "audit_chain_pending",
  "audit_chain_config",
  "audit_chain_relation",
  "audit_chain_lock",
  "audit_chain_ticket",
  "audit_chain_leaving",
  "audit_chain_handed",
  "audit_chain_migrations",
  "audit_chain_salt",
  "audit_chain_secret",
] as const;
const READABLE: Readonly<Record<string, readonly string[]>> = {
  ro: ["audit_chain"],
  publisher: TABLES.filter((name) => !/_(?:relation|lock|ticket|leaving)$/u.test(name)),
  inspector: TABLES,
};
const CALLABLE: Readonly<Record<string, readonly string[]>> = {
  writer: [
    "audit_chain_append(text,text,bytea)",
    "audit_chain_append_many(text[],text[],bytea[])",
    "audit_chain_enqueue(text,text,bytea)",
  ],
  publisher: [
    "audit_chain_blind_key(bytea,text)",
    "audit_chain_record(text,text[],bytea[],bytea[],bigint)",
    "audit_chain_salted(text,text,text)",
    "audit_chain_seal(integer)",
    "audit_chain_statement(bytea)",
  ],
  retention: [
    "audit_chain_erase(regclass,text)",
    "audit_chain_erased(regclass,text)",
    "audit_chain_erasing_row(regclass,text)",
    "audit_chain_erasing_source(regclass,text)",
    "audit_chain_forget(regclass,text)",
    "audit_chain_forget_salt(regclass,text)",
    "audit_chain_hand_over(text)",
    "audit_chain_leaving_rows(regclass,integer,tid)",
    "audit_chain_leaving_source(regclass)",
    "audit_chain_may_erase(regclass,text,bytea)",
    "audit_chain_may_restore(regclass,text,bytea,json)",
    "audit_chain_may_retire(regclass,interval,text[],bytea[])",
    "audit_chain_restore(regclass,text,json)",
    "audit_chain_restored(regclass,text,bytea,bytea)",
    "audit_chain_retire(regclass,interval,integer,tid)",
    "audit_chain_row_hash(regclass,text,text)",
    "audit_chain_whole(regclass)",
  ],
  inspector: ["audit_chain_blind_key(bytea,text)"],
};

for (const role of [...ROLES, "none", "creator"]) {
  test(`the login with ${role === "none" ? "no role" : role} may do what the contract says and nothing else`, async () => {
    await using client = as(role);
    for (const table of TABLES) {
      const mayRead = READABLE[role]?.includes(table) ?? false;
      expect([`select ${table}`, await stateOf(client.sql.unsafe(`select * from ${table} limit 1`))]).toEqual([
        `select ${table}`,
        mayRead ? undefined : "42501",
      ]);
      for (const statement of [
        `insert into ${table} default values`,
        `delete from ${table}`,
        `truncate ${table}`,
        `lock ${table} in exclusive mode`,
        `create trigger x after insert on ${table} execute function audit_chain_append()`,
        `alter table ${table} add x int`,
        `create table fk_${table} (x bigint references ${table})`,
      ])
        expect([statement, await stateOf(client.sql.unsafe(statement))]).toEqual([
          statement,
          expect.stringMatching(/^42501$|^25P01$|^42P16$/) as string,
        ]);
      const [column] =
        await database.sql`select attname from pg_attribute where attrelid = ${table}::regclass and attnum = 1`;
      expect([
        `update ${table}`,
        await stateOf(client.sql.unsafe(`update ${table} set ${String(column?.["attname"])} = default`)),
      ]).toEqual([`update ${table}`, "42501"]);
    }
    const functions = await database.sql<{ f: string; may: boolean }[]>`
      select p.oid::regprocedure::text as f, has_function_privilege(${logins[role]?.name ?? ""}, p.oid, 'EXECUTE') as may
        from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname like 'audit%'`;
    expect(functions.length).toBeGreaterThan(40);
    expect(
      functions
        .filter((f) => f.may)
        .map((f) => f.f.replaceAll(" ", ""))
        .toSorted(),
    ).toEqual([...(CALLABLE[role] ?? [])].toSorted());
    expect(await stateOf(client.sql`select nextval('audit_chain_pending_id_seq')`)).toBe("42501");
    for (const statement of [
      "set role scidex_audit_owner",
      "grant scidex_audit_owner to current_user",
      "grant scidex_audit_writer to current_user",
      "grant select on audit_chain to current_user",
      "alter role scidex_audit_owner login",
      "drop role scidex_audit_owner",
      "alter function audit_chain_seal(integer) owner to current_user",
      "create or replace function audit_chain_seal(max_rows integer) returns integer language sql as 'select 1'",
      "drop owned by scidex_audit_owner",
      "reassign owned by scidex_audit_owner to current_user",
      "alter default privileges for role scidex_audit_owner grant select on tables to current_user",
    ]) {
      const state = await stateOf(client.sql.unsafe(statement));
      // A grant without the right to it is a warning in PostgreSQL, and has no effect: checked below.
      const isRefused = statement.startsWith("grant select") || /^(42501|0LP01|42809)$/.test(state ?? "");
      expect([statement, state, isRefused]).toEqual([statement, state, true]);
    }
    expect(await stateOf(client.sql`insert into senate_alerts (kind) values ('x')`)).toBe(
      role === "alert" ? undefined : "42501",
    );
    expect(await stateOf(client.sql`select * from senate_alerts`)).toBe("42501");
    // Ordinary writers of an audited table need no right on the chain.
    await client.sql.unsafe(
      `insert into task_events values (${1000 + Object.keys(logins).indexOf(role)}, 'by ${role}'); insert into loose values (${1000 + Object.keys(logins).indexOf(role)})`,
    );
    expect(await stateOf(client.sql`delete from task_events`)).toBe("AC004");
  });
}

test("nothing of ours is granted to PUBLIC, nor to whom default privileges name", async () => {
  const rows = await database.sql`
    select p.oid::regprocedure::text as what, a.grantee::regrole::text as grantee from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
     where p.pronamespace = 'public'::regnamespace and p.proname like 'audit_chain%' and a.grantee::regrole::text !~ '^scidex_audit_'
    union all
    select c.oid::regclass::text, a.grantee::regrole::text from pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
     where c.relnamespace = 'public'::regnamespace and c.relname like 'audit_chain%' and c.relkind in ('r', 'S') and a.grantee::regrole::text !~ '^scidex_audit_'`;
  expect(rows).toEqual([]);
});

test("no trigger function of ours can be put on another table, temporary ones included", async () => {
  const functions = await database.sql<
    { f: string }[]
  >`select proname as f from pg_proc where pronamespace = 'public'::regnamespace and proname like 'audit_chain%' and prorettype = 'trigger'::regtype`;
  expect(functions.length).toBeGreaterThan(4);
  for (const role of ["none", "writer", "inspector"]) {
    await using client = as(role);
    await client.sql.unsafe(
      "create temp table task_events (id int primary key, body text); create table forge_" +
        role +
        " (id int primary key)",
    );
    for (const { f } of functions)
      for (const table of ["pg_temp.task_events", `forge_${role}`])
        expect([
          f,
          await stateOf(
            client.sql.unsafe(
              `create trigger t after insert on ${table} for each row execute function public.${f}('task_events')`,
            ),
          ),
        ]).toEqual([f, "42501"]);
  }
  // Even a superuser's trigger does not forge rows of another table.
  const { sql } = database;
  await sql.unsafe("create table decoy (id int primary key, body text)");
  const before = await expectIntact(sql);
  for (const { f } of functions.filter((x) => x.f.includes("capture_"))) {
    await sql.unsafe(
      `create trigger t after insert on decoy referencing new table as audit_chain_new for each statement execute function public.${f}()`,
    );
    expect([f, await stateOf(sql`insert into decoy values (1, 'forged')`)]).toEqual([f, "AC002"]);
    await sql`drop trigger t on decoy`;
  }
  expect(await expectIntact(sql)).toBe(before);
});

test("the writer's doors take neither a table's kind, nor its changes, nor ours", async () => {
  await using client = as("writer");
  for (const kind of [
    "task_events",
    "task_events:update",
    "task_events:delete",
    "task_events:insert",
    "loose",
    "loose:update",
    "loose:erase",
    "nothing:record",
    ":",
    "audit_chain_config",
    "audit_chain",
    "audit_chain_anything",
  ]) {
    expect([kind, await stateOf(client.sql`select audit_chain_append(${kind}, '99', sha256('x'))`)]).toEqual([
      kind,
      "AC003",
    ]);
    expect([
      kind,
      await stateOf(
        client.sql`select audit_chain_append_many(array['ok', ${kind}], array['98', '99'], array[sha256('x'), sha256('x')])`,
      ),
    ]).toEqual([kind, "AC003"]);
    expect([kind, await stateOf(client.sql`select audit_chain_enqueue(${kind}, '99', sha256('x'))`)]).toEqual([
      kind,
      "AC003",
    ]);
  }
  await client.sql`select audit_chain_append('task_events.updated', '1', sha256('x'))`;
});

/** Plants whatever could be found instead of PostgreSQL's own, each leaving a trace of the role that it ran as. */
const PLANT = `
  create table if not exists trace (who text); grant all on trace to public;
  create schema if not exists trap; grant all on schema trap to public`;

const trap = (schema: string, name: string, args: string, result: string, value: string) =>
  `create or replace function ${schema}.${name}(${args}) returns ${result} language plpgsql as $t$ begin insert into public.trace values (current_user || ' ${name}'); return ${value}; end $t$`;

test("functions, operators, casts and tables planted on the path are never called with the owner's rights", async () => {
  const { sql, url } = database;
  await sql.unsafe(PLANT);
  await using evil = as("none");
  for (const schema of ["trap", "public", "pg_temp"]) {
    await evil.sql.unsafe(`
      ${trap(schema, "concat", "text", "text", "$1")}; ${trap(schema, "concat", "bigint", "text", "'1'")}; ${trap(schema, "sha256", "bytea", "bytea", "$1")};
      ${trap(schema, "octet_length", "text", "int", "1")}; ${trap(schema, "to_json", "text", "json", "'1'")}; ${trap(schema, "convert_to", "text, text", "bytea", "'x'")};
      ${trap(schema, "starts_with", "text, name", "bool", "false")}; ${trap(schema, "starts_with", "name, text", "bool", "false")}; ${trap(schema, "clock_timestamp", "", "timestamptz", "'2020-01-01'")};
      ${trap(schema, "audit_chain_utf16_order", "name", "text", "'x'")}; ${trap(schema, "audit_chain_odd_key", "text, oid, text, varchar", "text", "'x'")};
      ${trap(schema, "audit_chain_link", "text, integer", "integer", "0")}; ${trap(schema, "audit_chain_refuse", "varchar, text", "bool", "null")};
      ${trap(schema, "audit_chain_row_source", "varchar, text[], text[], text[], jsonb", "text", "'x'")}; ${trap(schema, "audit_chain_quoted", "name", "text", "'x'")};
      ${trap(schema, "audit_chain_check_relation", "varchar, oid", "bool", "null")}; ${trap(schema, "audit_chain_configure", "regclass, varchar, text, text[], text[], text[], jsonb, text, text, boolean", "bigint", "1")};
      ${trap(schema, "audit_chain_covered_columns", "text, text[]", "text[]", "'{}'")}; ${trap(schema, "audit_chain_capture_name", "varchar", "text", "'x'")};
      ${trap(schema, "differ", "text, text", "bool", "false")}; ${trap(schema, "join_", "text, text", "text", "''")}`);
    if (schema !== "pg_temp")
      await evil.sql.unsafe(
        `create operator ${schema}.<> (leftarg = text, rightarg = text, function = ${schema}.differ); create operator ${schema}.= (leftarg = text, rightarg = text, function = ${schema}.differ); create operator ${schema}.|| (leftarg = text, rightarg = text, function = ${schema}.join_)`,
      );
  }
  await evil.sql
    .unsafe(`create temp table audit_chain_pending (like public.loose); create temp table audit_chain_new (id int, body text); create temp table audit_chain_relation (kind text, relid oid);
    create temp table pg_class (oid oid); create temp table pg_attribute (attrelid oid); create temp table text (x int); set search_path = pg_temp, trap, public, pg_catalog;
    insert into public.task_events values (2, 'shadowed')`);
  expect(await stateOf(evil.sql`update public.task_events set body = 'x' where id = 2`)).toBe("AC004");
  {
    await using admin = connect(url);
    await admin.sql
      .unsafe(`set search_path = trap, public, pg_catalog; create table public.later (id int primary key, "𝒳" text, "ﻰ" text);
      select public.audit_chain_attach('public.later'::regclass, mode => 'sealed'::text); insert into public.later values (1); alter table public.later rename id to number; insert into public.later values (2);
      select public.audit_chain_attach('public.later'::regclass, mode => 'strict'); select public.audit_chain_seal(1000); select public.audit_chain_detach('public.later'::regclass)`);
  }
  await using writer = as("writer");
  await writer.sql.unsafe(
    "set search_path = trap, public, pg_catalog; select public.audit_chain_append('w'::text, '1'::text, pg_catalog.sha256('x'::bytea))",
  );
  const traces = await sql`select distinct who from trace where who like 'scidex%' or who like 'postgres%'`;
  expect(traces).toEqual([]);
  await expectChained(sql, "task_events");
  await sql.unsafe("drop schema trap cascade");
});

test("a table owner's own types, casts, domains, defaults, checks, indexes and policies do not run with the owner's rights", async () => {
  const { sql } = database;
  await sql.unsafe("truncate trace");
  await sql.unsafe("create schema mallory; grant all on schema mallory to public");
  await using mallory = as("creator");
  await mallory.sql.unsafe(`
    create type mallory.pair as (a text, b text); create type mallory.label as enum ('x', 'y');
    create function mallory.note(what text) returns bool language plpgsql as $$ begin insert into public.trace values (current_user || ' ' || what); return true; end $$;
    create function mallory.pair_text(mallory.pair) returns text language sql as $$ select case when mallory.note('cast to text') then 'forged' end $$;
    create function mallory.pair_json(mallory.pair) returns json language sql as $$ select case when mallory.note('cast to json') then '1'::json end $$;
    create function mallory.pair_jsonb(mallory.pair) returns jsonb language sql as $$ select case when mallory.note('cast to jsonb') then '1'::jsonb end $$;
    create function mallory.label_text(mallory.label) returns text language sql as $$ select case when mallory.note('label to text') then 'forged' end $$;
    create function mallory.label_json(mallory.label) returns json language sql as $$ select case when mallory.note('label to json') then '1'::json end $$;
    create cast (mallory.pair as text) with function mallory.pair_text as implicit; create cast (mallory.pair as json) with function mallory.pair_json as implicit;
    create cast (mallory.pair as jsonb) with function mallory.pair_jsonb as implicit;
    create cast (mallory.label as text) with function mallory.label_text as implicit; create cast (mallory.label as json) with function mallory.label_json as implicit;
    create function mallory.pairs_equal(mallory.pair, mallory.pair) returns bool language sql as $$ select mallory.note('equals') $$;
    create operator mallory.= (leftarg = mallory.pair, rightarg = mallory.pair, function = mallory.pairs_equal);
    create operator mallory.<> (leftarg = mallory.pair, rightarg = mallory.pair, function = mallory.pairs_equal);
    create domain mallory.checked as int check (mallory.note('domain'));
    create function mallory.idx(int) returns int immutable language plpgsql as $$ begin perform mallory.note('index'); return $1; end $$;
    create table mallory.t (id int primary key, p mallory.pair, l mallory.label, d mallory.checked, x int default 1 + mallory.note('default')::int, y text, check (mallory.note('check')));
    create index on mallory.t (mallory.idx(id)); create table mallory.k (id mallory.label primary key, p mallory.pair, d mallory.checked);
    alter table mallory.t enable row level security; create policy p on mallory.t using (mallory.note('policy')) with check (mallory.note('policy'))`);
  // An administrator attaches them; whatever Mallory's functions then do, they do as whoever inserts.
  await sql`select audit_chain_attach('mallory.t'::regclass, mode => 'strict', kind => 'mt')`;
  await sql`select audit_chain_attach('mallory.k'::regclass, mode => 'strict', kind => 'mk', changes => 'track')`;
  await mallory.sql
    .unsafe(`insert into mallory.t values (1, row('a', 'b'), 'x', 1, 2, 'y'); insert into mallory.k values ('x', row('a', 'b'), 1);
    update mallory.k set p = row('a', 'c'); alter table mallory.t alter y type mallory.pair using row(y, y)::mallory.pair; insert into mallory.t values (2, null, 'y', 2, 2, row('q', 'r'));
    alter table mallory.t alter x drop default; alter table mallory.t alter x type mallory.label using 'x'; insert into mallory.t values (3, null, null, 3, 'y', null);
    alter table mallory.k rename id to other; insert into mallory.k values ('y', row('a', 'b'), 2); update mallory.k set other = 'y', p = null where other = 'y'; delete from mallory.k where other = 'x'`);
  expect(await stateOf(mallory.sql`update mallory.t set p = row('z', 'z')`)).toBe("AC004");
  expect(await stateOf(mallory.sql`delete from mallory.t`)).toBe("AC004");
  const traces = await sql<{ who: string }[]>`select distinct who from trace`;
  expect(traces.length).toBeGreaterThan(3);
  expect(traces.filter(({ who }) => who.startsWith("scidex"))).toEqual([]);
  await expectIntact(sql);
});

test("whoever set the schema up without superuser decides about tables of its own only", async () => {
  const { sql } = database;
  await using client = as("creator");
  const me = logins["creator"]?.name ?? "";
  const { INSTALLER_FUNCTIONS } = await import("../src/set-up/rights.ts");
  for (const f of INSTALLER_FUNCTIONS) await sql.unsafe(`grant execute on function public.${f} to ${me}`);
  await sql.unsafe(
    `grant select on audit_chain, audit_chain_config, audit_chain_pending, audit_chain_relation to ${me}`,
  );
  await client.sql.unsafe(
    "create table mine (id int primary key, body text); select audit_chain_attach('mine', mode => 'strict')",
  );
  const before = await expectIntact(sql);
  for (const statement of [
    "select audit_chain_attach('task_events', mode => 'sealed')",
    "select audit_chain_detach('task_events')",
    "select audit_chain_complete('task_events', false)",
    "select audit_chain_configure('task_events', 'detach', 'task_events', array['id'], array['id'], array['id'], '{}', '{}', 'refuse', 'strict', 'pending', true, false, false, false, null)",
    "select audit_chain_capture_open('task_events', 'task_events', array['id'], array['id'], array['id'], '{}', 'refuse', 'strict', false, false, false, current_user::text)",
  ])
    expect([statement, await stateOf(client.sql.unsafe(statement))]).toEqual([statement, "42501"]);
  for (const statement of [
    "select audit_chain_configure('mine', 'attach', 'task_events', array['id'], array['id'], array['id'], '{}', '{}', 'refuse', 'strict', 'pending', true, false, false, false, null)",
    "select audit_chain_configure('mine', 'attach', 'audit_chain_config', array['id'], array['id'], array['id'], '{}', '{}', 'refuse', 'strict', 'pending', true, false, false, false, null)",
    "select audit_chain_capture_open('mine', 'task_events', array['id'], array['id', 'body'], array['id', 'body'], '{}', 'refuse', 'strict', false, false, false, current_user::text)",
    "select audit_chain_capture_open('mine', 'audit_chain_config', array['id'], array['id'], array['id'], '{}', 'refuse', 'strict', false, false, false, current_user::text)",
  ])
    expect([statement, await stateOf(client.sql.unsafe(statement))]).toEqual([statement, "AC003"]);
  for (const role of ["public", "app", "scidex_audit_owner"])
    expect([
      role,
      await stateOf(
        client.sql.unsafe(
          `select audit_chain_capture_open('mine', 'mine', array['id'], array['id', 'body'], array['id', 'body'], '{}', 'refuse', 'strict', false, false, false, '${role}')`,
        ),
      ),
    ]).toEqual([role, expect.stringMatching(/^42501$|^42704$/) as string]);
  expect(await stateOf(client.sql`select audit_chain_adopt('loose', array['1'], array[sha256('x')])`)).toMatch(
    /^42501$|^AC002$/,
  );
  expect(
    await stateOf(client.sql`select audit_chain_capture_close('audit_chain_seal', 'scidex_audit_publisher')`),
  ).toBe("AC002");
  expect(await expectIntact(sql)).toBe(before);
  await client.sql`insert into mine values (1, 'x')`;
  expect(await expectChained(sql, "mine")).toBe(1);
});

test("a writer who sets the labels of its session cannot keep its rows out of the chain", async () => {
  await using client = as("none");
  await client.sql.unsafe(
    `set lock_timeout = 0; begin; set constraints all deferred; insert into task_events values (77, 'x'); savepoint s; set constraints all immediate; rollback to s; commit`,
  );
  const rows = await database.sql`select 1 from audit_chain where event_kind = 'task_events' and event_pk = '77'`;
  expect(rows.length).toBe(1);
});
