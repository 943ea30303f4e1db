import { createDatabase, type EmbeddedServer, startEmbedded, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach, detach, migrate, uninstall } from "../../src/index.ts";
import { connect, stateOf } from "../database.ts";
import { schemaDump } from "./schema-dump.ts";

// Roles belong to the whole server, and are to be gone.
let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded();
});
afterAll(async () => server.stop());

const APPLICATION = `
  create schema shop; do $$ begin create role clerk; exception when duplicate_object then null; end $$; create type shop.state as enum ('new', 'paid');
  create table shop.orders (id int primary key, total numeric, state shop.state default 'new'); grant select, insert on shop.orders to clerk;
  create table notes (id int primary key, body text); create table "Odd ""name" (id int primary key);
  create table events (id int, at date, primary key (id, at)) partition by range (at);
  create table events_1 partition of events for values from ('2025-01-01') to ('2026-01-01');
  create table events_2 partition of events for values from ('2026-01-01') to ('2027-01-01') partition by list (id);
  create table events_2a partition of events_2 for values in (1);
  create table people (id int primary key, name text); create table gone (id int primary key); create table left_alone (id int primary key);
  create function shop.touch() returns trigger language plpgsql as 'begin return new; end';
  create trigger touch before update on shop.orders for each row execute function shop.touch();
  create function audit_report() returns int language sql as 'select 1'`;

async function attachAll(database: TestDatabase): Promise<void> {
  const db = drizzle(database.sql);
  await attach(db, "shop.orders", { changes: "track", mode: "strict" });
  await attach(db, "notes", { mode: "strict" });
  await attach(db, '"Odd ""name"');
  await attach(db, "events");
  await attach(db, "people", { changes: "track", blindKey: true });
  await attach(db, "gone");
  await detach(db, "gone");
  await database.sql.unsafe(`insert into shop.orders values (1, 9.5); update shop.orders set total = 10;
    insert into notes values (1, 'a'); insert into events values (1, '2025-05-05'), (1, '2026-05-05'); insert into people values (1, 'x')`);
}

test("what init and attach have made is removed, and nothing else: the schema is what it was", async () => {
  await using database = await createDatabase({ server });
  const { sql } = database;
  const db = drizzle(sql);
  await sql.unsafe(APPLICATION);
  const before = await schemaDump(sql);
  await migrate(db);
  await attachAll(database);
  const [link] = await sql`select count(*)::int as links from audit_chain`;
  const planned = await uninstall(db, { dryRun: true });
  const between = await schemaDump(sql);
  expect(between.length).toBeGreaterThan(before.length + 100);
  const result = await uninstall(db);
  expect(result.removed).toEqual(planned.removed);
  expect(result).toMatchObject({ kept: [], links: BigInt(link?.["links"] as number) });
  expect(result.removed).toEqual(
    expect.arrayContaining([
      "triggers of shop.orders: 0_audit_chain_track, audit_chain_guard_truncate",
      "triggers of public.events_2a: audit_chain_guard_truncate",
      "SELECT on public.gone from scidex_audit_inspector",
      "the table public.senate_alerts",
      "the role scidex_audit_owner",
    ]),
  );
  expect(await schemaDump(sql)).toEqual(before);
  expect(await uninstall(db)).toEqual({ removed: [], kept: [], links: 0n });
  // Rows stay, and are anybody's to change again.
  await sql`update notes set body = 'changed'`;
  expect(await sql`select body from notes`).toEqual([{ body: "changed" }]);
  // It can be set up again.
  await migrate(db);
  expect(await attach(db, "notes")).toMatchObject({ complete: false, rows_to_backfill: 1 });
  await uninstall(db);
  expect(await schemaDump(sql)).toEqual(before);
});

test("with --keep-chain tables are detached, what is captured is linked, and the chain stays as it is", async () => {
  await using database = await createDatabase({ server });
  const { sql } = database;
  const db = drizzle(sql);
  await sql.unsafe(APPLICATION);
  const before = await schemaDump(sql);
  await migrate(db);
  await attachAll(database);
  await sql`select audit_chain_enqueue('release', '1', sha256('x'))`;
  const { removed, kept } = await uninstall(db, { keepChain: true });
  expect(kept).toEqual([]);
  expect(removed).toContain("the auditing of shop.orders: recorded as detached");
  expect(removed).not.toContain("the role scidex_audit_ro");
  const detached = await sql`select kind from audit_chain_config where action = 'detach' order by kind`;
  expect(detached.map(({ kind }) => kind as string)).toEqual([
    'Odd "name',
    "events",
    "gone",
    "notes",
    "orders",
    "people",
  ]);
  const events = await sql`select event_kind from audit_chain where event_kind !~ 'config' order by seq`;
  expect(events.map(({ event_kind }) => event_kind as string).toSorted()).toEqual(
    ["events", "events", "notes", "orders", "orders:update", "people", "release"].toSorted(),
  );
  const left = await sql`select relname from pg_class where relname ~ '^audit_chain' and relkind = 'r'
    union all select proname from pg_proc where proname ~ '^audit_chain' order by 1`;
  expect(left.map(({ relname }) => relname as string)).toEqual([
    "audit_chain",
    "audit_chain_append_only",
    "audit_chain_config",
    "audit_chain_migrations",
    "audit_chain_salt",
    "audit_chain_secret",
  ]);
  for (const statement of [
    "delete from audit_chain",
    "truncate audit_chain",
    "update audit_chain_config set actor = 'x'",
  ])
    expect([statement, await stateOf(sql.unsafe(statement))]).toEqual([statement, "AC004"]);
  const [reads] =
    await sql`select has_table_privilege('scidex_audit_ro', 'audit_chain', 'SELECT') as ro, has_table_privilege('scidex_audit_inspector', 'notes', 'SELECT') as rows`;
  expect(reads).toEqual({ ro: true, rows: true });
  await sql`update notes set body = 'changed'`;
  expect(await uninstall(db, { keepChain: true })).toMatchObject({ removed: [], kept: [] });
  expect((await uninstall(db)).removed).toContain("the role scidex_audit_owner");
  expect(await schemaDump(sql)).toEqual(before);
});

test("a role with CREATEROLE removes what it has set up, without superuser", async () => {
  await using database = await createDatabase({ server });
  await database.sql.unsafe(
    `create role installer login createrole password 'installer'; alter database ${database.name} owner to installer;
     create schema shop authorization installer`,
  );
  await using client = connect(database.url, { username: "installer", password: "installer" });
  await client.sql.unsafe(
    "create table shop.orders (id int primary key, total numeric); create table notes (id int primary key)",
  );
  const before = await schemaDump(database.sql);
  await migrate(client.db);
  await attach(client.db, "shop.orders", { changes: "track" });
  await attach(client.db, "notes", { mode: "strict" });
  await client.sql.unsafe("insert into shop.orders values (1, 2); insert into notes values (1)");
  const { kept, removed } = await uninstall(client.db);
  expect(kept).toEqual([]);
  expect(removed.filter((line) => line.startsWith("the role"))).toHaveLength(9);
  expect(await schemaDump(database.sql)).toEqual(before);
  await database.sql.unsafe(`alter database ${database.name} owner to current_user`);
});

test("roles that another database uses stay, and go with the last one", async () => {
  await using one = await createDatabase({ server });
  await using two = await createDatabase({ server });
  await migrate(drizzle(one.sql));
  await migrate(drizzle(two.sql));
  const { kept } = await uninstall(drizzle(one.sql));
  expect(kept).toContain("the role scidex_audit_owner: another database uses these roles");
  expect(kept).toHaveLength(9);
  // What is set up there goes on working.
  await two.sql.unsafe("create table t (id int primary key)");
  await attach(drizzle(two.sql), "t", { mode: "strict" });
  await two.sql`insert into t values (1)`;
  expect(await uninstall(drizzle(two.sql))).toMatchObject({ kept: [] });
  expect(await uninstall(drizzle(one.sql))).toMatchObject({ removed: [], kept: [] });
});

test("what others have made stays: their rights, their rows, their tables of our names", async () => {
  await using database = await createDatabase({ server });
  const { sql } = database;
  await sql.unsafe("create table audit_log (id int primary key, what text); create table report (id int primary key)");
  await migrate(drizzle(sql));
  await sql.unsafe(`grant select on report to scidex_audit_inspector; insert into senate_alerts (kind) values ('x');
    create table audit_chain_of_ours (id int); create function audit_chain_seal(text) returns int language sql as 'select 1';
    create role somebody; alter function audit_chain_seal(text) owner to somebody`);
  const { kept } = await uninstall(drizzle(sql));
  expect(kept[0]).toBe("public.senate_alerts: it has rows");
  expect(kept[1]).toContain("the role scidex_audit_inspector: ");
  expect(kept[1]).toContain("privileges for table public.report");
  expect(kept).toHaveLength(2);
  expect(
    await sql`select to_regclass('audit_log') is not null as log, to_regclass('audit_chain_of_ours') is not null as ours,
      to_regprocedure('audit_chain_seal(text)') is not null as theirs, to_regclass('audit_chain') is null as chain`,
  ).toEqual([{ log: true, ours: true, theirs: true, chain: true }]);
  await sql`drop owned by scidex_audit_inspector, somebody`;
  await sql`drop role scidex_audit_inspector, somebody`;
});

test("an audit_chain that is not ours is left alone", async () => {
  await using database = await createDatabase({ server });
  await database.sql`create table audit_chain (id bigserial primary key, event_hash text)`;
  expect(await uninstall(drizzle(database.sql))).toEqual({ removed: [], kept: [], links: 0n });
  expect(await stateOf(database.sql`select from audit_chain`)).toBeUndefined();
});

test.each([
  ["a view of the chain", "create view recent as select * from audit_chain", "view public.recent"],
  [
    "a hand-written trigger",
    "create table t (id int primary key); create trigger mine after insert on t for each row execute function audit_chain_append('t')",
    "trigger mine on table public.t",
  ],
])("%s keeps it from being removed, and nothing is", async (_, statement, named) => {
  await using database = await createDatabase({ server });
  const db = drizzle(database.sql);
  await migrate(db);
  await database.sql.unsafe(`create table notes (id int primary key); ${statement}`);
  await attach(db, "notes");
  const before = await schemaDump(database.sql);
  await expect(uninstall(db)).rejects.toMatchObject({
    code: "in_use",
    message: expect.stringContaining(named) as string,
  });
  expect(await schemaDump(database.sql)).toEqual(before);
  await database.sql.unsafe("drop view if exists recent; drop table if exists t");
  await uninstall(db);
});

test("who does not own an audited table removes nothing", async () => {
  await using database = await createDatabase({ server });
  await database.sql.unsafe(
    `create role setter login createrole password 'setter'; alter database ${database.name} owner to setter`,
  );
  await using client = connect(database.url, { username: "setter", password: "setter" });
  await migrate(client.db);
  await database.sql.unsafe("create table notes (id int primary key)");
  await attach(drizzle(database.sql), "notes");
  const before = await schemaDump(database.sql);
  await expect(uninstall(client.db)).rejects.toMatchObject({ code: "no_right" });
  expect(await schemaDump(database.sql)).toEqual(before);
  await uninstall(drizzle(database.sql));
});
