import { createLogin, type EmbeddedServer, startEmbedded, type TestDatabase } from "@scidex/audit-testkit";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verify } from "../../src/verify.ts";
import { lookAtStructure, openAudited, said } from "../structure-database.ts";

let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded();
});
afterAll(async () => await server.stop());

/** Looks as a member of the role, after the superuser has run `statements`. */
async function lookAs(
  role: string,
  statements: string,
  look: (sql: postgres.Sql, admin: TestDatabase) => Promise<void>,
) {
  await using database = await openAudited(server);
  const login = await createLogin(database.sql, { grant: [role] });
  await database.sql.unsafe(statements);
  const sql = postgres(login.url, { max: 2, onnotice: () => {} });
  try {
    await look(sql, database);
  } finally {
    await sql.end();
    await login.drop();
  }
}

test.each([
  [
    "the configuration",
    "revoke select on public.audit_chain_config from scidex_audit_inspector",
    /public\.audit_chain_config could not be read: permission denied .*: grant scidex_audit_inspector/u,
  ],
  [
    "the migrations",
    "revoke select on public.audit_chain_migrations from scidex_audit_inspector",
    /the schema's version could not be read: permission denied/u,
  ],
  [
    "the chain",
    "revoke select on public.audit_chain from scidex_audit_inspector",
    /the chain's indexes could not be read: permission denied/u,
  ],
  [
    "the catalog of functions",
    "revoke select on pg_catalog.pg_proc from public",
    /the catalogs could not be read: permission denied for table pg_proc: grant SELECT on it to PUBLIC/u,
  ],
  [
    "the roles",
    "revoke select on pg_catalog.pg_roles from public",
    /the catalog could not be read: permission denied/u,
  ],
  [
    "settings",
    "revoke select on pg_catalog.pg_db_role_setting from public",
    /pg_db_role_setting could not be read: permission denied/u,
  ],
  [
    "memberships",
    "revoke select on pg_catalog.pg_auth_members from public",
    /pg_auth_members could not be read: permission denied/u,
  ],
  [
    "operators",
    "revoke select on pg_catalog.pg_operator from public",
    /the catalogs could not be read: permission denied for table pg_operator/u,
  ],
  [
    "casts",
    "revoke select on pg_catalog.pg_cast from public",
    /the catalogs could not be read: permission denied for table pg_cast/u,
  ],
  [
    "access methods, which operator classes refer to,",
    "revoke select on pg_catalog.pg_am from public",
    /the catalogs could not be read: permission denied for table pg_am/u,
  ],
])("C11: %s that may not be read are unproven, never a finding", async (_, statements, reason) => {
  await lookAs("scidex_audit_inspector", `set allow_system_table_mods = on; ${statements}`, async (sql) => {
    const { report } = await verify(sql, {}, { checks: ["structure"] });
    expect(report).toMatchObject({ status: "unproven", divergences: [], checks: { structure: "unproven" } });
    expect(report.unproven.join("\n")).toMatch(reason);
  });
});

test("C11: what can still be read is compared all the same", async () => {
  const statements =
    "revoke select on pg_catalog.pg_db_role_setting from public; drop trigger audit_chain_capture on public.strict_refuse; revoke select on public.audit_chain_config from scidex_audit_inspector; drop trigger audit_chain_append_only on public.audit_chain";
  await lookAs("scidex_audit_inspector", statements, async (sql) => {
    const { report } = await verify(sql, {}, { checks: ["structure"] });
    expect(report.divergences.map(({ message }) => message)).toEqual([
      "public.audit_chain has lost its trigger audit_chain_append_only",
    ]);
    expect(report.unproven.join("\n")).toMatch(
      /audit_chain_config could not be read[^]*pg_db_role_setting could not be read/u,
    );
  });
});

test("C11: a column of pending that may not be read hides nothing else", async () => {
  const statements = `revoke select on public.audit_chain_pending from scidex_audit_inspector;
    grant select (id, xid, mode, op, event_kind, event_pk, staged_at, conflict) on public.audit_chain_pending to scidex_audit_inspector`;
  await lookAs("scidex_audit_inspector", statements, async (sql, admin) => {
    const checks = ["links", "sources"] as const;
    const { report: unproven } = await verify(sql, {}, { checks });
    expect(unproven).toMatchObject({ status: "unproven", divergences: [] });
    expect(unproven.unproven.join("\n")).toMatch(/of pending could not be read: permission denied .*: grant scidex_/u);
    await admin.sql.unsafe(`alter table public.audit_chain disable trigger all;
      update public.audit_chain set payload_hash = sha256('x') where seq = 3`);
    const { report: tampered } = await verify(sql, {}, { checks });
    expect(tampered).toMatchObject({ status: "tampered", firstDivergence: { check: "event_hash", seq: 3n } });
  });
});

test("the read-only role alone cannot prove the structure", async () => {
  await lookAs("scidex_audit_ro", "", async (sql) => {
    const { report } = await verify(sql, {}, { checks: ["structure"] });
    expect(report.status).toBe("unproven");
    expect(report.checks.structure).toBe("unproven");
    expect(report.divergences).toEqual([]);
  });
});

test("the inspector can prove it", async () => {
  await lookAs("scidex_audit_inspector", "", async (sql) => {
    const { report } = await verify(sql, {}, { checks: ["structure"] });
    expect(report).toMatchObject({ status: "intact", unproven: [], checks: { structure: "ok" } });
  });
});

test("a whole verification finds what was done to a trigger", async () => {
  await lookAs(
    "scidex_audit_inspector",
    "alter table public.strict_refuse disable trigger audit_chain_guard",
    async (sql) => {
      const { report } = await verify(sql, {}, { checks: ["links", "sources", "structure"] });
      expect(report.status).toBe("tampered");
      expect(report.divergences.map(({ check, group, eventKind }) => ({ check, group, eventKind }))).toEqual([
        { check: "trigger_disabled", group: "structure", eventKind: "strict_refuse" },
      ]);
      expect(report.checks).toMatchObject({ links: "ok", sources: "ok", structure: "failed" });
    },
  );
});

test("C06: functions, operators, tables and casts that shadow PostgreSQL's own make no difference", async () => {
  const statements = `create schema evil;
    create function evil.count(anyelement) returns bigint language sql as 'select 0::bigint';
    create function evil.current_database() returns name language sql as 'select ''x''::name';
    create function public.concat(text) returns text language sql as 'select ''x''';
    create function evil.same(oid, oid) returns boolean language sql as 'select false';
    create operator evil.= (leftarg = oid, rightarg = oid, function = evil.same);
    create table evil.pg_class (oid oid); create view public.pg_trigger as select 1 as oid;
    create function public.to_text(bigint) returns text language sql immutable as 'select ''x''';
    create cast (bigint as text) with function public.to_text(bigint) as implicit;
    do $$ begin execute format('alter database %I set search_path = evil, public, pg_catalog', current_database()); end $$;
    grant usage on schema evil to public; grant select on all tables in schema evil to public`;
  await lookAs("scidex_audit_inspector", statements, async (sql) => {
    const { report } = await verify(sql, {}, { checks: ["links", "sources", "structure"] });
    expect(report.divergences).toEqual([]);
    expect(report.status).toBe("intact");
  });
});

test("a schema that is newer than the verifier is unproven", async () => {
  await using database = await openAudited(server);
  await database.sql`insert into public.audit_chain_migrations (id, name, sha256) values (2, '0002_later', 'x')`;
  await database.sql`create function public.audit_chain_later() returns integer language sql as 'select 1'`;
  const looked = await lookAtStructure(database.sql);
  expect(said(looked)).toEqual([]);
  expect(looked.unproven).toEqual([
    expect.stringMatching(/^the schema is newer than the verifier: it has migration 2/u),
  ]);
});

test("an extension's type cannot be compared, which is a warning", async () => {
  await using database = await openAudited(server);
  await database.sql.unsafe(
    "create extension citext schema public; create table public.folded (id integer primary key, name citext); select public.audit_chain_attach('public.folded', mode => 'strict')",
  );
  const looked = await lookAtStructure(database.sql);
  expect(said(looked)).toEqual([]);
  expect(looked.warnings).toEqual([
    expect.stringMatching(/^the type public\.citext of public\.folded\.name is an extension's/u),
  ]);
  await database.sql`update pg_type set typoutput = 'varcharout'::regproc where typname = 'citext'`;
  expect(said(await lookAtStructure(database.sql))).toEqual([
    expect.stringMatching(/^catalog_changed: the type public\.citext of public\.folded\.name is read or written/u),
  ]);
});
