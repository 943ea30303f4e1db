// C11 and C16: what makes a verification hang, or keeps it from reading, ends as `unproven` that names the cause.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import {
  createDatabase,
  createLogin,
  type EmbeddedServer,
  startEmbedded,
  type TestDatabase,
} from "@scidex/audit-testkit";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { VerificationReport, VerifyOptions } from "../../../src/index.ts";
import { verify } from "../../../src/verify.ts";
import { AUDITED } from "../../structure-database.ts";

let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded();
});
afterAll(async () => await server.stop());

const opened = async (): Promise<TestDatabase> => await createDatabase({ server, template: AUDITED });

async function verified(url: string, options: VerifyOptions = {}): Promise<VerificationReport> {
  const client = postgres(url, { max: 2, onnotice: () => {} });
  try {
    return (await verify(client, {}, { allowUnanchored: true, ...options })).report;
  } finally {
    await client.end({ timeout: 0 });
  }
}

const checksOf = (report: VerificationReport) => [...new Set(report.divergences.map(({ check }) => check))];

async function attack(database: TestDatabase, statements: string): Promise<void> {
  await database.sql.begin(async (tx) => {
    await tx`set local allow_system_table_mods = on`;
    await tx.unsafe(statements);
  });
}

test("an input function that never ends ends with the verification's time", async () => {
  await using database = await opened();
  await attack(
    database,
    `create function pg_catalog.sleeper(bytea) returns text language plpgsql set debug_print_plan = off as $$ begin perform pg_sleep(1000); return ''; end $$;
     update pg_type set typinput = 'pg_catalog.sleeper'::regproc where oid = 25`,
  );
  const report = await verified(database.url, { maxDurationMs: 3_000 });
  expect(report).toMatchObject({ status: "unproven", divergences: [] });
  expect(report.unproven.join("\n")).toMatch(/ended after 3 s, as long as it may take \(--max-duration\)/u);
});

test("a catalog that is locked for ever is unproven", async () => {
  await using database = await opened();
  const holder = postgres(database.url, { max: 1, onnotice: () => {} });
  await holder.unsafe("begin");
  await holder.unsafe("lock table pg_catalog.pg_cast in access exclusive mode");
  const report = await verified(database.url, { checks: ["links"] });
  await holder.end({ timeout: 0 });
  expect(report).toMatchObject({ status: "unproven", divergences: [] });
  expect(report.unproven.join("\n")).toMatch(/another session has it locked/u);
});

test("sources of any length, of a login without rights, fill no memory", async () => {
  await using database = await opened();
  const nobody = await createLogin(database.sql);
  const holder = postgres(nobody.url, { max: 1, onnotice: () => {} });
  await holder`set check_function_bodies = off`;
  for (let n = 0; n < 12; n++)
    await holder.unsafe(
      `do $$ begin execute format('create function pg_temp.f${n}() returns int language sql as %L', repeat('x', 20000000)); end $$`,
    );
  const cli = fileURLToPath(new URL("../../../src/cli.ts", import.meta.url));
  const run = spawnSync(
    process.execPath,
    ["--conditions=source", "--max-old-space-size=120", cli, "--json", "--allow-unanchored", "--checks", "structure"],
    { env: { ...process.env, AUDIT_DATABASE_URL: database.url }, encoding: "utf8" },
  );
  await holder.end({ timeout: 0 });
  await nobody.drop();
  expect([run.status, run.signal]).toEqual([0, null]);
  expect(JSON.parse(run.stdout)).toMatchObject({ status: "intact" });
});

test("views that sleep are not run", async () => {
  await using database = await opened();
  await attack(
    database,
    `alter table public.strict_refuse rename to aside;
     create view public.strict_refuse as select a.* from public.aside as a, pg_sleep(1000);
     grant select on public.strict_refuse to public;
     create or replace view pg_catalog.pg_roles as
       select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit,
              '********'::text as rolpassword, rolvaliduntil, rolbypassrls, setconfig as rolconfig, pg_authid.oid
         from pg_authid left join pg_db_role_setting s on pg_authid.oid = setrole and setdatabase = 0, pg_sleep(1000)`,
  );
  expect(checksOf(await verified(database.url))).toEqual(["catalog_changed"]);
  expect(checksOf(await verified(database.url, { checks: ["sources"] }))).toContain("catalog_changed");
});

test("a source of megabytes that is one word is a finding, and read in one pass", async () => {
  await using database = await opened();
  await database.sql.unsafe(
    `do $do$ begin execute format('create or replace function public.audit_chain_append_only() returns trigger language plpgsql as %L',
       '-- ' || repeat('x', 3000000) || E'\\nbegin return null; end'); end $do$`,
  );
  expect(checksOf(await verified(database.url, { checks: ["structure"] }))).toEqual(["function_changed"]);
});

test("a type that is made of itself is unproven", async () => {
  await using database = await opened();
  await attack(
    database,
    `update pg_attribute set atttypid = 'app.pair'::regtype
      where attrelid = (select typrelid from pg_type where oid = 'app.pair'::regtype) and attname = 'x'`,
  );
  const report = await verified(database.url, { checks: ["sources", "links"] });
  expect(report.status).not.toBe("intact");
  expect(report.unproven.join("\n")).toMatch(/nested deeper than 100 types/u);
});

test.each([
  ["nothing", []],
  ["scidex_audit_ro", ["scidex_audit_ro"]],
])("a role that has %s is told what to grant, and accuses nobody (C11)", async (_, grant) => {
  await using database = await opened();
  const login = await createLogin(database.sql, { grant });
  const report = await verified(login.url);
  expect(report).toMatchObject({ status: "unproven", divergences: [] });
  expect(report.unproven.join("\n")).toMatch(/grant scidex_audit_(?:ro|inspector)/u);
  await login.drop();
});

test("scidex_audit_ro is enough for the links", async () => {
  await using database = await opened();
  const login = await createLogin(database.sql, { grant: ["scidex_audit_ro"] });
  expect(await verified(login.url, { checks: ["links"] })).toMatchObject({ status: "intact" });
  await login.drop();
});

test("a catalog that may not be read is unproven (C11)", async () => {
  await using database = await opened();
  const login = await createLogin(database.sql, { grant: ["scidex_audit_inspector"] });
  await database.sql`revoke select on pg_catalog.pg_proc from public`;
  const report = await verified(login.url);
  expect(report).toMatchObject({ status: "unproven", divergences: [] });
  expect(report.unproven.join("\n")).toMatch(/permission denied for table pg_proc/u);
  await login.drop();
});

test("settings of the verifier's own role change nothing", async () => {
  await using database = await opened();
  const login = await createLogin(database.sql, { grant: ["scidex_audit_inspector"] });
  const settings = [
    "plan_cache_mode = force_generic_plan",
    "enable_indexscan = on",
    "enable_seqscan = off",
    "row_security = on",
    "search_path = app, public",
    "client_min_messages = error",
    "TimeZone = 'Asia/Tokyo'",
    "jit = on",
    "statement_timeout = '1h'",
    "default_transaction_isolation = 'serializable'",
    "application_name = 'x'",
  ];
  for (const setting of settings) await database.sql.unsafe(`alter role ${login.name} set ${setting}`);
  await database.sql.unsafe(`alter role ${login.name} set debug_print_plan = off`);
  expect(await verified(login.url, { checks: ["sources", "links"] })).toMatchObject({
    status: "intact",
    unproven: [],
  });
  await login.drop();
});

test("a login trigger changes nothing", async () => {
  await using database = await opened();
  const login = await createLogin(database.sql, { grant: ["scidex_audit_inspector"] });
  await database.sql.unsafe(`
    create function public.at_login() returns event_trigger language plpgsql as $$ begin
      perform set_config(name, value, false) from (values
        ('debug_print_plan', 'off'), ('enable_seqscan', 'off'), ('enable_indexscan', 'on'), ('search_path', 'app'),
        ('client_min_messages', 'error'), ('application_name', '47,2415'), ('TimeZone', 'Asia/Tokyo')) as s(name, value);
    end $$;
    create event trigger at_login on login execute function public.at_login();
    alter event trigger at_login enable always`);
  expect(await verified(login.url, { checks: ["sources", "links"] })).toMatchObject({ status: "intact" });
  await login.drop();
});

test("a table whose columns' names cannot be told from the plan is unproven, and the others are judged", async () => {
  await using database = await opened();
  const name = "(".repeat(63);
  await database.sql.unsafe(`create table public.brackets (id int primary key, "${name}" text)`);
  await database.sql`select public.audit_chain_attach('public.brackets', mode => 'strict')`;
  await database.sql.unsafe("insert into public.brackets values (1, 'x')");
  const clean = await verified(database.url, { checks: ["sources"] });
  expect(clean).toMatchObject({ status: "unproven", divergences: [] });
  expect(clean.unproven.join("\n")).toMatch(/public\.brackets could not be read: .*give its columns shorter names/u);
  await database.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update public.strict_refuse set body = 'forged' where id = 7`;
  });
  const report = await verified(database.url, { checks: ["sources"] });
  expect(report.divergences.map(({ check, eventPk }) => [check, eventPk])).toEqual([["source_edited", "7"]]);
});
