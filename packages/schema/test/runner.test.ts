import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createDatabase, createLogin, startEmbedded } from "@scidex/audit-testkit";
import { sql as text } from "drizzle-orm";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as drizzleMigrate } from "drizzle-orm/postgres-js/migrator";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sql } from "postgres";
import { expect, test } from "vitest";
import { attach, detach, migrate, readMigrations } from "../src/index.ts";
import { chainDatabase, connect, stateOf } from "./database.ts";
import { expectChained, expectIntact, expectedEvents, coverage } from "./recompute.ts";

/** Everything in public that a set-up could change. */
const snapshot = async (sql: Sql): Promise<string> => {
  const rows = await sql`
    select 'r' as t, c.relname::text as name, coalesce(c.relacl::text, '') || pg_get_userbyid(c.relowner) || (select coalesce(string_agg(a.attname || a.atttypid::regtype, ','), '') from pg_attribute a where a.attrelid = c.oid and a.attnum > 0) as what
      from pg_class c where c.relnamespace = 'public'::regnamespace
    union all select 'f', p.oid::regprocedure::text, coalesce(p.proacl::text, '') || pg_get_userbyid(p.proowner) || md5(p.prosrc) from pg_proc p where p.pronamespace = 'public'::regnamespace
    union all select 't', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    union all select 'a', 'public', coalesce(nspacl::text, '') from pg_namespace where nspname = 'public' order by 1, 2`;
  return JSON.stringify(rows);
};

test("a set-up that is repeated applies nothing and changes nothing", async () => {
  await using database = await createDatabase();
  const db = drizzle(database.sql);
  const first = await migrate(db);
  expect(first.applied).toEqual(readMigrations().map((m) => m.name));
  const before = await snapshot(database.sql);
  expect(await migrate(db)).toEqual({ applied: [], version: first.version, warnings: [] });
  expect(await snapshot(database.sql)).toBe(before);
});

test("eight set-ups at once in one database: one applies, the others wait", async () => {
  await using database = await createDatabase();
  const results = await Promise.all(
    Array.from({ length: 8 }, async () => {
      await using client = connect(database.url);
      return await migrate(client.db);
    }),
  );
  expect(results.filter((r) => r.applied.length > 0).length).toBe(1);
  await expectIntact(database.sql);
});

test("set-ups of several databases of a new server at once do not disturb each other", async () => {
  await using server = await startEmbedded();
  const databases = await Promise.all(Array.from({ length: 6 }, () => createDatabase({ server })));
  const results = await Promise.all(
    databases.flatMap((database) =>
      [1, 2].map(async () => {
        await using client = connect(database.url);
        return await migrate(client.db);
      }),
    ),
  );
  expect(results.filter((r) => r.applied.length > 0).length).toBe(6);
  for (const { sql } of databases) {
    await sql.unsafe("create table t (id int primary key)");
    await attach(drizzle(sql), "t");
    await sql`insert into t values (1)`;
    expect(await expectChained(sql, "t")).toBe(1);
    await sql.end();
  }
});

test("a role with CREATEROLE and no superuser sets up, attaches, backfills and detaches, and cannot become the owner", async () => {
  await using server = await startEmbedded();
  await using admin = connect(server.url);
  const login = await createLogin(admin.sql, { attributes: "createrole createdb" });
  await admin.sql.unsafe(`create database app owner ${login.name}`);
  const url = login.url.replace(/\/postgres$/, "/app");
  await using client = connect(url);
  await using root = connect(server.url.replace(/\/postgres$/, "/app"));
  const { sql, db } = client;
  // Also where the creator of a role is made its member at once.
  await sql.unsafe("set createrole_self_grant = 'set, inherit'");
  const result = await migrate(db);
  expect(result.warnings).toEqual([
    expect.stringContaining(`${login.name} keeps the right to administer scidex_audit_owner`),
  ]);
  expect((await migrate(db)).applied).toEqual([]);
  expect(await stateOf(sql.unsafe("set role scidex_audit_owner"))).toBe("42501");
  expect(await stateOf(sql.unsafe("insert into audit_chain_lock values (true)"))).toBe("42501");
  const [member] =
    await sql`select pg_has_role(current_user, 'scidex_audit_owner', 'SET') as may_set, pg_has_role(current_user, 'scidex_audit_owner', 'USAGE') as inherits`;
  expect(member).toEqual({ may_set: false, inherits: false });

  await sql.unsafe(
    "create table mine (id int primary key, body text); insert into mine values (1, 'before'), (2, null)",
  );
  expect(await attach(db, "mine")).toMatchObject({ complete: false, rows_to_backfill: 2 });
  await sql`insert into mine values (3, 'after')`;
  const events = await expectedEvents(root.sql, await coverage(root.sql, "mine"));
  const old = [...events].filter(([pk]) => pk !== "3");
  const adopted = await sql.unsafe(
    `select audit_chain_adopt('mine', array[${old.map(([pk]) => `'${pk}'`).join(", ")}], array[${old.map(([, h]) => `decode('${h}', 'hex')`).join(", ")}]) as n`,
  );
  expect(adopted[0]?.["n"]).toBe(2);
  await sql`select audit_chain_complete('mine')`;
  expect(await expectChained(root.sql, "mine")).toBe(3);
  expect(await stateOf(sql`delete from mine`)).toBe("AC004");
  // What attach needed for a moment is taken back.
  const left =
    await sql`select p.proname from pg_proc p where p.proname ~ '^audit_chain_capture_[0-9a-f]{16}$' and has_function_privilege(p.oid, 'EXECUTE')`;
  expect(left).toEqual([]);
  await detach(db, "mine");
  await sql`delete from mine where id = 1`;
  await expectIntact(root.sql);
});

test("a role that may not set up gets told what it needs, and leaves nothing", async () => {
  await using database = await createDatabase();
  const login = await createLogin(database.sql);
  await using client = connect(login.url);
  const before = await snapshot(database.sql);
  await expect(migrate(client.db)).rejects.toMatchObject({
    name: "SchemaError",
    code: "no_right",
    message: expect.stringContaining("CREATEROLE") as string,
  });
  expect(await snapshot(database.sql)).toBe(before);
});

test("a host application that uses drizzle's default migrations table is not disturbed, whichever comes first", async () => {
  const folder = mkdtempSync(join(tmpdir(), "host-"));
  try {
    mkdirSync(join(folder, "meta"));
    // Older than anything of ours: on a shared table drizzle would skip the one or the other.
    writeFileSync(
      join(folder, "meta/_journal.json"),
      JSON.stringify({
        version: "7",
        dialect: "postgresql",
        entries: [{ idx: 0, version: "7", when: 1_000, tag: "0000_host", breakpoints: true }],
      }),
    );
    writeFileSync(join(folder, "0000_host.sql"), "CREATE TABLE host (id int primary key);");
    for (const hostFirst of [true, false]) {
      await using database = await createDatabase();
      const db = drizzle(database.sql);
      if (hostFirst) await drizzleMigrate(db, { migrationsFolder: folder });
      expect((await migrate(db)).applied.length).toBe(readMigrations().length);
      if (!hostFirst) await drizzleMigrate(db, { migrationsFolder: folder });
      expect((await migrate(db)).applied).toEqual([]);
      expect(await database.sql`select count(*)::int as n from drizzle.__drizzle_migrations`).toEqual([{ n: 1 }]);
      expect(await database.sql`select to_regclass('host') is not null as there`).toEqual([{ there: true }]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a database of a newer release is refused, and one whose migrations were changed", async () => {
  const database = await chainDatabase();
  const { sql, db } = database;
  await sql`insert into audit_chain_migrations values (99, '0099_future', 'x')`;
  await expect(migrate(db)).rejects.toMatchObject({
    code: "newer_schema",
    message: expect.stringContaining("99") as string,
  });
  await sql`delete from audit_chain_migrations where id = 99`;
  await sql`update audit_chain_migrations set sha256 = 'another' where id = 1`;
  await expect(migrate(db)).rejects.toMatchObject({
    code: "migration_changed",
    message: expect.stringContaining("0001_functions") as string,
  });
  await database.drop();
});

for (const [what, statement] of [
  [
    "an audit_chain of an earlier implementation",
    "create table audit_chain (id bigserial primary key, event text, hash text)",
  ],
  ["a view called audit_chain", "create view audit_chain as select 1 as seq"],
  ["a planted table under one of our names", "create table audit_chain_lock (id boolean primary key default true)"],
  [
    "a planted migrations table that claims to be complete",
    "create table audit_chain_migrations (id integer primary key, name text, sha256 text, applied_at timestamptz default now()); insert into audit_chain_migrations values (0, '0000_tables', 'x')",
  ],
  [
    "a planted function that would become the owner's",
    "create function audit_chain_evil(code text) returns void language plpgsql security definer as $$ begin execute code; end $$",
  ],
] as const) {
  test(`${what} stops the set-up with an explanation, and nothing is changed`, async () => {
    await using database = await createDatabase();
    await database.sql.unsafe(statement);
    const before = await snapshot(database.sql);
    await expect(migrate(drizzle(database.sql))).rejects.toMatchObject({
      code: "other_shape",
      message: expect.stringContaining("Nothing was changed") as string,
    });
    expect(await snapshot(database.sql)).toBe(before);
  });
}

test("types and functions planted in public before the set-up are not taken for PostgreSQL's own", async () => {
  await using database = await createDatabase();
  const { sql } = database;
  await sql.unsafe(`create table public.trace (who text);
    create function public.note() returns bool language plpgsql as $$ begin insert into public.trace values (current_user); return true; end $$;
    create domain public.text as pg_catalog.text check (public.note()); create domain public.bytea as pg_catalog.bytea check (public.note());
    create function public.octet_length(pg_catalog.bytea) returns int language sql as $$ select case when public.note() then 32 end $$;
    create function public.octet_length(pg_catalog.text) returns int language sql as $$ select case when public.note() then 1 end $$;
    create function public.format(pg_catalog.text, pg_catalog.text) returns pg_catalog.text language sql as $$ select case when public.note() then 'select 1' end $$;
    create function public.now() returns timestamptz language sql as $$ select case when public.note() then '2020-01-01'::timestamptz end $$`);
  const db = drizzle(sql);
  await migrate(db);
  await sql.unsafe("create table t (id int primary key)");
  await attach(db, "t");
  await sql`insert into t values (1)`;
  await sql`select audit_chain_append('k'::pg_catalog.text, 'p'::pg_catalog.text, sha256('x'))`;
  expect(await sql`select * from public.trace`).toEqual([]);
  await expectIntact(sql);
});

test("a platform's own senate_alerts with another key is left as it is, and one of another owner gets a warning", async () => {
  await using database = await createDatabase();
  await database.sql.unsafe("create table senate_alerts (id uuid primary key default gen_random_uuid(), kind text)");
  expect((await migrate(drizzle(database.sql))).warnings).toEqual([]);
  expect(
    await database.sql`select has_table_privilege('scidex_audit_alert', 'senate_alerts', 'INSERT') as may`,
  ).toEqual([{ may: true }]);
});

/** drizzle-kit's own program, as a service runs it. */
async function push(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const program = createRequire(import.meta.url)
    .resolve("drizzle-kit")
    .replace(/[^/\\]+$/, "bin.cjs");
  const child = spawn(process.execPath, [program, "push", "--force", "--config=test/push/drizzle.config.ts"], {
    cwd: new URL("..", import.meta.url),
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output };
}

test("a service's own drizzle-kit push keeps our tables when it has the tables filter, and not without", async () => {
  const database = await chainDatabase();
  try {
    const ours = async () =>
      (
        await database.sql`select relname::text as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'S') and relname ~ '^(audit_|senate_)' order by 1`
      ).map((r) => String(r["name"]));
    const before = await ours();
    await database.db.execute(text`select audit_chain_append('k', 'p', sha256('x'))`);
    const filtered = await push({ PUSH_URL: database.url });
    expect(filtered.output).toContain("Changes applied");
    expect(await database.sql`select to_regclass('widgets') is not null as there`).toEqual([{ there: true }]);
    expect(await ours()).toEqual(before);
    expect(await expectIntact(database.sql)).toBe(1);
    expect((await push({ PUSH_URL: database.url })).output).toContain("No changes detected");
    // The filter is what did it: without it, push sets about dropping what it does not know.
    expect((await push({ PUSH_URL: database.url, PUSH_UNFILTERED: "1" })).output).not.toContain("No changes detected");
  } finally {
    await database.drop();
  }
});
