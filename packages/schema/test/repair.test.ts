import { createDatabase, type EmbeddedServer, startEmbedded, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attach, detach, migrate, repair, uninstall } from "../src/index.ts";
import { connect } from "./database.ts";
import { expectIntact } from "./recompute.ts";
import { schemaDump } from "./uninstall/schema-dump.ts";

// Roles belong to the whole server, and are lost here.
let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded();
});
afterAll(async () => server.stop());

/** What a restore without owners and rights leaves, by the role that restores. */
const restoredBy = (role: string) => `
  do $$ declare o record; begin
    for o in select oid::regclass as t from pg_class where relname like 'audit_chain%' and relkind = 'r' and relnamespace = 'public'::regnamespace loop
      execute format('alter table %s owner to ${role}', o.t); end loop;
    for o in select oid::regprocedure as f from pg_proc where proname like 'audit_chain%' and pronamespace = 'public'::regnamespace loop
      execute format('alter function %s owner to ${role}', o.f); end loop; end $$;
  update pg_class set relacl = null where relname ~ '^(audit_chain|notes|gone|events|people|senate_alerts)';
  update pg_proc set proacl = null where proname ~ '^audit_chain'`;

/** The server that it is restored into may have none of the roles. */
const DROP_ROLES = `
  do $$ declare r record; begin
    delete from pg_shdepend where refclassid = 'pg_authid'::regclass and refobjid in (select oid from pg_roles where rolname like 'scidex_audit_%') and dbid <> 0;
    revoke all on schema public from scidex_audit_owner, scidex_audit_inspector, scidex_audit_publisher;
    for r in select rolname from pg_roles where rolname like 'scidex_audit_%' loop
      begin execute format('revoke set on parameter log_min_messages from %I', r.rolname); exception when others then null; end;
      execute format('drop role %I', r.rolname); end loop; end $$`;

async function setUp(database: TestDatabase): Promise<void> {
  const db = drizzle(database.sql);
  await database.sql.unsafe(`create table notes (id int primary key, body text); create table gone (id int primary key);
    create table people (id int primary key); create table events (id int, at date, primary key (id, at)) partition by range (at);
    create table events_1 partition of events for values from ('2025-01-01') to ('2026-01-01')`);
  await attach(db, "notes", { mode: "strict" });
  await attach(db, "people", { changes: "track", blindKey: true });
  await attach(db, "events");
  await attach(db, "gone");
  await detach(db, "gone");
  await database.sql.unsafe("insert into notes values (1, 'a'); insert into people values (1)");
}

const kindsOf = (mended: ReadonlyMap<string, string>) =>
  [...new Set([...mended.keys()].map((what) => what.split(" ").slice(0, 2).join(" ")))].toSorted();

test.each([
  ["into the same server", ""],
  ["into a server without the roles", DROP_ROLES],
])("a restore %s by a superuser is put back as it was, and nothing else is said", async (_, more) => {
  await using database = await createDatabase({ server });
  const { sql } = database;
  const db = drizzle(sql);
  await migrate(db);
  await setUp(database);
  const before = await schemaDump(sql);
  await sql.unsafe(`${restoredBy("current_user")}; ${more}`);
  expect(await schemaDump(sql)).not.toEqual(before);
  const { mended } = await repair(db);
  expect(kindsOf(mended)).toEqual(
    more === "" ? ["missing rights", "the owner"] : ["missing rights", "the owner", "the role"],
  );
  expect(await schemaDump(sql)).toEqual(before);
  expect((await repair(db)).mended.size).toBe(0);
  await sql.unsafe(
    "insert into notes values (2, 'b'); update people set id = 2; insert into events values (1, '2025-02-02')",
  );
  await sql`select audit_chain_seal(1000)`;
  await expectIntact(sql);
  const actions = await sql`select action, repaired <> '{}' as says from audit_chain_config order by id`;
  expect(actions.at(-1)).toEqual({ action: "repair", says: true });
  await uninstall(db);
});

test("a role that restored it without superuser, as hosted servers have it, repairs it", async () => {
  await using database = await createDatabase({ server });
  await database.sql.unsafe(
    `create role host login createrole password 'host'; alter database ${database.name} owner to host`,
  );
  await using client = connect(database.url, { username: "host", password: "host" });
  await migrate(client.db);
  await client.sql.unsafe("create table notes (id int primary key, body text)");
  await attach(client.db, "notes", { mode: "strict" });
  await client.sql.unsafe("insert into notes values (1, 'a')");
  const before = await schemaDump(database.sql);
  await database.sql.unsafe(restoredBy("host"));
  const { mended } = await repair(client.db);
  expect(kindsOf(mended)).toEqual(["missing rights", "the owner"]);
  expect(await schemaDump(database.sql)).toEqual(before);
  await client.sql`insert into notes values (2, 'b')`;
  await expectIntact(database.sql);
  // What a superuser repairs leaves whoever ran the set-up the rights that it gave him.
  await database.sql.unsafe("alter table notes disable trigger audit_chain_guard");
  expect([...(await repair(drizzle(database.sql))).mended.keys()]).toEqual([
    "the trigger audit_chain_guard of public.notes",
  ]);
  expect((await schemaDump(database.sql)).filter((line) => !line.startsWith("parameter "))).toEqual(
    before.filter((line) => !line.startsWith("parameter ")),
  );
  // Who owns neither the objects nor the tables repairs nothing.
  await database.sql.unsafe(
    "create role other login createrole password 'other'; alter table notes disable trigger audit_chain_guard",
  );
  await using stranger = connect(database.url, { username: "other", password: "other" });
  await expect(repair(stranger.db)).rejects.toMatchObject({ code: "no_right" });
  await uninstall(drizzle(database.sql));
  await database.sql.unsafe(`alter database ${database.name} owner to current_user`);
});

test("what is in the way and cannot be replaced is named, and nothing is mended", async () => {
  await using database = await createDatabase({ server });
  const { sql } = database;
  const db = drizzle(sql);
  await migrate(db);
  await sql.unsafe(
    "drop function audit_chain_seal(int); create function audit_chain_seal(max_rows int) returns text language sql as 'select null::text'",
  );
  const before = await schemaDump(sql);
  await expect(repair(db)).rejects.toMatchObject({
    code: "not_repairable",
    message: expect.stringContaining("cannot change return type") as string,
  });
  expect(await schemaDump(sql)).toEqual(before);
  await sql.unsafe("drop function audit_chain_seal(int)");
  expect((await repair(db)).mended.get("the function public.audit_chain_seal(integer)")).toBe("");
});

test("the tables that linking needs are made anew with what is known, and a kind gets its relation back", async () => {
  await using database = await createDatabase({ server });
  const { sql } = database;
  const db = drizzle(sql);
  await migrate(db);
  await setUp(database);
  const before = await schemaDump(sql);
  const [relation] = await sql`select * from audit_chain_relation where kind = 'notes'`;
  await sql.unsafe(
    "drop table audit_chain_pending, audit_chain_lock, audit_chain_ticket, audit_chain_relation cascade",
  );
  const { mended } = await repair(db);
  expect([...mended.keys()]).toEqual(
    expect.arrayContaining([
      "the table public.audit_chain_pending",
      "the row of public.audit_chain_lock",
      "the entry of the kind notes in public.audit_chain_relation",
      "the function public.audit_chain_numbers(public.audit_chain_relation)",
    ]),
  );
  expect(await schemaDump(sql)).toEqual(before);
  expect(await sql`select * from audit_chain_relation where kind = 'notes'`).toEqual([relation]);
  await sql.unsafe("insert into notes values (2, 'b')");
  await expectIntact(sql);
  await expect(repair(db)).resolves.toMatchObject({ mended: new Map() });
});
