import { attach, migrate } from "@scidex/audit-schema";
import {
  createLogin,
  createDatabase,
  type EmbeddedServer,
  startEmbedded,
  type TestDatabase,
} from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { lookAtStructure, openAudited, said, TABLES } from "../structure-database.ts";

// Roles belong to the whole server: a server of its own, and each test takes back what it did.
let server: EmbeddedServer;
let database: TestDatabase;
beforeAll(async () => {
  server = await startEmbedded();
  database = await openAudited(server);
  await database.sql.unsafe(
    "create role app login; create role group_of_apps; create role boss superuser login; create role maker login createrole",
  );
});
afterAll(async () => await server.stop());
beforeEach(() => {
  undo = "";
});
afterEach(async () => {
  if (undo !== "") await database.sql.unsafe(undo);
  // What a test leaves behind would be found by the next one.
  const left = said(await lookAtStructure(database.sql));
  if (left.length > 0) throw new Error(`the test left something behind: ${left.join("; ")}`);
});
let undo = "";

describe("C04: what lets somebody do more is found", () => {
  test.each([
    [
      "a right to write the chain",
      "grant insert on public.audit_chain to app",
      "revoke insert on public.audit_chain from app",
      /^app has INSERT on public\.audit_chain$/u,
    ],
    [
      "a right to write pending",
      "grant update, delete on public.audit_chain_pending to group_of_apps",
      "revoke all on public.audit_chain_pending from group_of_apps",
      /^group_of_apps has DELETE, UPDATE on public\.audit_chain_pending$/u,
    ],
    [
      "a right of everyone",
      "grant truncate on public.audit_chain_config to public",
      "revoke truncate on public.audit_chain_config from public",
      /^everyone has TRUNCATE on public\.audit_chain_config$/u,
    ],
    [
      "a right on the map of relations",
      "grant insert on public.audit_chain_relation to app",
      "revoke all on public.audit_chain_relation from app",
      /INSERT on public\.audit_chain_relation$/u,
    ],
    [
      "a right on the lock",
      "grant update on public.audit_chain_lock to scidex_audit_writer",
      "revoke all on public.audit_chain_lock from scidex_audit_writer",
      /^scidex_audit_writer has UPDATE on public\.audit_chain_lock$/u,
    ],
    [
      "a right on the ticket",
      "grant insert on public.audit_chain_ticket to app",
      "revoke all on public.audit_chain_ticket from app",
      /INSERT on public\.audit_chain_ticket$/u,
    ],
    [
      "a right on the migrations",
      "grant delete on public.audit_chain_migrations to app",
      "revoke all on public.audit_chain_migrations from app",
      /DELETE on public\.audit_chain_migrations$/u,
    ],
    [
      "a right on the sequence",
      "grant update on sequence public.audit_chain_pending_id_seq to app",
      "revoke all on sequence public.audit_chain_pending_id_seq from app",
      /UPDATE on public\.audit_chain_pending_id_seq$/u,
    ],
    [
      "a right on one column",
      "grant update (payload_hash) on public.audit_chain to app",
      "revoke update (payload_hash) on public.audit_chain from app",
      /^app has UPDATE on the column payload_hash of public\.audit_chain$/u,
    ],
    [
      "a right that may be passed on",
      "grant select on public.audit_chain to scidex_audit_ro with grant option",
      "revoke grant option for select on public.audit_chain from scidex_audit_ro",
      /SELECT WITH GRANT OPTION on public\.audit_chain$/u,
    ],
    [
      "EXECUTE for everyone",
      "grant execute on function public.audit_chain_link(xid8, integer) to public",
      "revoke execute on function public.audit_chain_link(xid8, integer) from public",
      /^everyone has EXECUTE on public\.audit_chain_link\(xid8, int4\)$/u,
    ],
    [
      "EXECUTE for somebody",
      "grant execute on function public.audit_chain_commit() to app",
      "revoke execute on function public.audit_chain_commit() from app",
      /^app has EXECUTE on public\.audit_chain_commit\(\)$/u,
    ],
    [
      "a part of an installer's rights",
      "grant execute on function public.audit_chain_adopt(text, text[], bytea[]) to app",
      "revoke execute on function public.audit_chain_adopt(text, text[], bytea[]) from app",
      /^app has EXECUTE on public\.audit_chain_adopt/u,
    ],
    [
      "EXECUTE on a capture function",
      "do $$ begin execute (select format('grant execute on function %s to app', p.oid::regprocedure) from pg_proc as p where p.proname like 'audit_chain_capture_%' and p.prosrc like '%strict_refuse%'); end $$",
      "do $$ begin execute (select format('revoke execute on function %s from app', p.oid::regprocedure) from pg_proc as p where p.proname like 'audit_chain_capture_%' and p.prosrc like '%strict_refuse%'); end $$",
      /^app has EXECUTE on public\.audit_chain_capture_/u,
    ],
    [
      "a member of the owner role",
      "grant scidex_audit_owner to app",
      "revoke scidex_audit_owner from app",
      /^app can become scidex_audit_owner$/u,
    ],
    [
      "a member that inherits only",
      "grant scidex_audit_owner to app with set false, inherit true",
      "revoke scidex_audit_owner from app",
      /^app can become scidex_audit_owner$/u,
    ],
    [
      "one of our roles in the owner role",
      "grant scidex_audit_owner to scidex_audit_ro",
      "revoke scidex_audit_owner from scidex_audit_ro",
      /^scidex_audit_ro is a member of scidex_audit_owner$/u,
    ],
    [
      "the read-only role in a predefined one",
      "grant pg_read_all_data to scidex_audit_ro",
      "revoke pg_read_all_data from scidex_audit_ro",
      /^scidex_audit_ro is a member of pg_read_all_data$/u,
    ],
    [
      "our role in another role that may read an audited table",
      "grant group_of_apps to scidex_audit_writer; grant select on public.parts to group_of_apps",
      "revoke group_of_apps from scidex_audit_writer; revoke select on public.parts from group_of_apps",
      /^scidex_audit_writer is a member of group_of_apps$/u,
    ],
    [
      "a login that writes every table",
      "grant pg_write_all_data to app",
      "revoke pg_write_all_data from app",
      /^app can write every table/u,
    ],
    [
      "a group that writes every table",
      "grant pg_write_all_data to group_of_apps",
      "revoke pg_write_all_data from group_of_apps",
      /^group_of_apps can write every table/u,
    ],
    [
      "SUPERUSER for one of our roles",
      "alter role scidex_audit_ro superuser",
      "alter role scidex_audit_ro nosuperuser",
      /^the role scidex_audit_ro has SUPERUSER$/u,
    ],
    [
      "LOGIN for the owner",
      "alter role scidex_audit_owner login",
      "alter role scidex_audit_owner nologin",
      /^the role scidex_audit_owner has LOGIN$/u,
    ],
    [
      "CREATEROLE for one of our roles",
      "alter role scidex_audit_writer createrole",
      "alter role scidex_audit_writer nocreaterole",
      /^the role scidex_audit_writer has CREATEROLE$/u,
    ],
    [
      "BYPASSRLS for one of our roles",
      "alter role scidex_audit_inspector bypassrls",
      "alter role scidex_audit_inspector nobypassrls",
      /^the role scidex_audit_inspector has BYPASSRLS$/u,
    ],
    [
      "the read-only role reading another table of ours",
      "grant select on public.audit_chain_config to scidex_audit_ro",
      "revoke select on public.audit_chain_config from scidex_audit_ro",
      /^scidex_audit_ro has SELECT on public\.audit_chain_config$/u,
    ],
    [
      "the read-only role reading an audited table",
      "grant select on public.strict_refuse to scidex_audit_ro",
      "revoke select on public.strict_refuse from scidex_audit_ro",
      /^scidex_audit_ro has SELECT on public\.strict_refuse$/u,
    ],
    [
      "the read-only role reading one column",
      "grant select (body) on public.strict_refuse to scidex_audit_ro",
      "revoke select (body) on public.strict_refuse from scidex_audit_ro",
      /^scidex_audit_ro has SELECT on the column body of public\.strict_refuse$/u,
    ],
    [
      "the inspector writing an audited table",
      "grant insert on public.strict_refuse to scidex_audit_inspector",
      "revoke insert on public.strict_refuse from scidex_audit_inspector",
      /^scidex_audit_inspector has INSERT on public\.strict_refuse$/u,
    ],
    [
      "a builtin function for one of our roles",
      "grant execute on function pg_catalog.pg_read_file(text) to scidex_audit_ro",
      "revoke execute on function pg_catalog.pg_read_file(text) from scidex_audit_ro",
      /^scidex_audit_ro has EXECUTE on the function pg_catalog\.pg_read_file/u,
    ],
    [
      "a schema that our role may create in",
      "grant create on schema public to scidex_audit_writer",
      "revoke create on schema public from scidex_audit_writer",
      /^scidex_audit_writer has CREATE on the schema public$/u,
    ],
    [
      "default privileges of the owner",
      "alter default privileges for role scidex_audit_owner grant insert on tables to app",
      "alter default privileges for role scidex_audit_owner revoke insert on tables from app",
      /^tables that scidex_audit_owner makes will grant INSERT to app$/u,
    ],
    [
      "default privileges of somebody who makes tables between ours",
      "grant create on schema public to maker; alter default privileges for role maker grant select on tables to scidex_audit_ro",
      "revoke create on schema public from maker; alter default privileges for role maker revoke select on tables from scidex_audit_ro",
      /^tables that maker makes will grant SELECT to scidex_audit_ro$/u,
    ],
    [
      "another owner of a sequence's table",
      "alter table public.audit_chain_lock owner to app",
      "alter table public.audit_chain_lock owner to scidex_audit_owner",
      /^public\.audit_chain_lock: it has another owner$/u,
    ],
  ] as const)("%s", async (_, attack, back, where) => {
    await database.sql.unsafe(attack);
    undo = back;
    const looked = await lookAtStructure(database.sql);
    const found = looked.findings.filter((f) => f.check === "privilege_widened" && where.test(f.message));
    expect(found, said(looked).join("\n")).toHaveLength(1);
  });

  test("C10: a role that finds another table first", async () => {
    await database.sql.unsafe(
      "create schema evil; create table evil.strict_refuse (id int); grant usage on schema evil to app; grant select on public.strict_refuse to group_of_apps; grant group_of_apps to app; alter role app set search_path = evil, public",
    );
    undo =
      "alter role app reset all; drop schema evil cascade; revoke group_of_apps from app; revoke all on public.strict_refuse from group_of_apps";
    const looked = await lookAtStructure(database.sql);
    expect(said(looked)).toEqual([
      "relation_shadowed: the role app gets evil.strict_refuse instead of public.strict_refuse when the schema is left out (search path pg_catalog, evil, public)",
    ]);
    expect(looked.findings[0]?.eventKind).toBe("strict_refuse");
  });

  test("C10: a schema named after a role, and a role that has its own path in one database", async () => {
    await database.sql
      .unsafe(`create schema app_2; create role app_2; create table app_2.audit_chain (seq int); create schema evil; create view evil.parts as select 1 as id;
      grant usage on schema app_2 to app_2; grant scidex_audit_ro to app_2; grant usage on schema evil to public; grant insert (body) on public.parts to maker;
      do $$ begin execute format('alter role maker in database %I set search_path = "$user", evil', current_database()); end $$`);
    undo =
      "alter role maker in database postgres reset all; do $$ begin execute format('alter role maker in database %I reset all', current_database()); end $$; drop schema evil cascade; drop schema app_2 cascade; drop role app_2; revoke all (body) on public.parts from maker";
    const messages = said(await lookAtStructure(database.sql));
    expect(messages).toHaveLength(2);
    expect(messages.join("\n")).toMatch(/the role app_2 gets app_2\.audit_chain instead of public\.audit_chain/u);
    expect(messages.join("\n")).toMatch(/the role maker gets evil\.parts instead of public\.parts/u);
  });

  test("C10: a path of a whole server", async () => {
    await database.sql.unsafe("create schema evil; create table evil.parts (id int)");
    await database.sql.unsafe("alter system set search_path = evil, public");
    await database.sql.unsafe("select pg_reload_conf()");
    const fresh = postgres(database.url, { max: 2, onnotice: () => {} });
    try {
      await expect.poll(async () => (await fresh`show search_path`)[0]?.["search_path"]).toMatch(/evil/u);
      const messages = said(await lookAtStructure(fresh));
      expect(messages.join("\n")).toMatch(/a session like the verifier's gets evil\.parts instead of public\.parts/u);
    } finally {
      await fresh.end();
      await database.sql.unsafe("alter system reset search_path");
      await database.sql.unsafe("select pg_reload_conf()");
      await database.sql.unsafe("drop schema evil cascade");
      await expect.poll(async () => (await database.sql`show search_path`)[0]?.["search_path"]).not.toMatch(/evil/u);
    }
  });

  test("C01: a role whose sessions are replicas", async () => {
    await database.sql.unsafe("alter role app set session_replication_role = replica");
    undo = "alter role app reset all";
    const looked = await lookAtStructure(database.sql);
    expect(said(looked)).toEqual([
      "trigger_disabled: no trigger fires for the role app: session_replication_role is set to replica",
    ]);
  });
});

describe("what people need to do is not found", () => {
  test.each([
    [
      "our roles granted to logins",
      "grant scidex_audit_ro, scidex_audit_inspector, scidex_audit_writer, scidex_audit_publisher, scidex_audit_alert to app, group_of_apps",
      "revoke scidex_audit_ro, scidex_audit_inspector, scidex_audit_writer, scidex_audit_publisher, scidex_audit_alert from app, group_of_apps",
    ],
    [
      "rights on audited tables",
      "grant all on public.strict_refuse, public.sealed_track to app; grant select on public.parts to public",
      "revoke all on public.strict_refuse, public.sealed_track from app; revoke all on public.parts from public",
    ],
    [
      "superusers, also as members of everything",
      "grant scidex_audit_owner, pg_write_all_data to boss",
      "revoke scidex_audit_owner, pg_write_all_data from boss",
    ],
    [
      "a login that reads everything",
      "grant pg_read_all_data, pg_monitor to app",
      "revoke pg_read_all_data, pg_monitor from app",
    ],
    [
      "the inspector reading what will be audited",
      "alter default privileges for role maker grant select on tables to scidex_audit_inspector",
      "alter default privileges for role maker revoke select on tables from scidex_audit_inspector",
    ],
    [
      "USAGE of a schema and CONNECT",
      "grant usage on schema app to scidex_audit_ro, scidex_audit_inspector",
      "revoke usage on schema app from scidex_audit_ro, scidex_audit_inspector",
    ],
    [
      "another search path without tables of these names",
      "create schema more; alter role app set search_path = more, public",
      "alter role app reset all; drop schema more",
    ],
    [
      "default privileges that take away",
      "alter default privileges for role scidex_audit_owner revoke execute on functions from public",
      "alter default privileges for role scidex_audit_owner grant execute on functions to public",
    ],
    [
      "fewer rights",
      "revoke select on public.audit_chain from scidex_audit_publisher",
      "grant select on public.audit_chain to scidex_audit_publisher",
    ],
  ] as const)("%s", async (_, change, back) => {
    await database.sql.unsafe(change);
    undo = back;
    const looked = await lookAtStructure(database.sql);
    expect(said(looked)).toEqual([]);
    expect(looked.unproven).toEqual([]);
  });

  test("predefined roles that lead round everything are a warning", async () => {
    await database.sql.unsafe("grant pg_write_server_files to app");
    undo = "revoke pg_write_server_files from app";
    const looked = await lookAtStructure(database.sql);
    expect(said(looked)).toEqual([]);
    expect(looked.warnings).toEqual([expect.stringMatching(/^app is a member of pg_write_server_files/u)]);
  });
});

describe("a set-up without superuser", () => {
  test("is clean but for a warning of what the server leaves to the creator of a role, seen by an inspector too", async () => {
    await using other = await startEmbedded();
    await using fresh = await createDatabase({ server: other });
    const installer = await createLogin(fresh.sql, { attributes: "createrole" });
    await fresh.sql.unsafe(
      `grant create on schema public to ${installer.name} with grant option; grant create on database ${fresh.name} to ${installer.name}`,
    );
    const asInstaller = postgres(installer.url, { max: 4, onnotice: () => {} });
    try {
      await migrate(drizzle(asInstaller));
      await asInstaller.unsafe(TABLES);
      await attach(drizzle(asInstaller), "public.strict_refuse");
      await attach(drizzle(asInstaller), "public.parts");
      const looked = await lookAtStructure(fresh.sql);
      expect(said(looked)).toEqual([]);
      expect(looked.unproven).toEqual([]);
      expect(looked.warnings).toEqual([expect.stringMatching(/has the right to administer scidex_audit_owner/u)]);

      const inspector = await createLogin(fresh.sql, { grant: ["scidex_audit_inspector"] });
      const asInspector = postgres(inspector.url, { max: 2, onnotice: () => {} });
      expect(await lookAtStructure(asInspector)).toEqual(looked);
      await asInspector.end();

      // More than an installer's rights, or an installer's rights passed on, are not an installer's.
      await fresh.sql.unsafe(`grant execute on function public.audit_chain_commit() to ${installer.name}`);
      expect(said(await lookAtStructure(fresh.sql)).length).toBeGreaterThan(10);
    } finally {
      await asInstaller.end();
    }
  });
});
