// A chain in a schema of its own, with roles of its own, beside one in public.
import { clientAt, placeOf } from "@scidex/audit-core";
import { attach, migrate } from "@scidex/audit-schema";
import { createDatabase, type EmbeddedServer, startEmbedded, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { verify } from "../../src/index.ts";
import { lookAtStructure, prepareAt, said } from "../structure-database.ts";

const PLACE = placeOf({ schema: "audit", rolePrefix: "acme_audit_" });

let server: EmbeddedServer;
let database: TestDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  server = await startEmbedded();
  database = await createDatabase({ server });
  await prepareAt(database.url, PLACE);
  sql = clientAt(postgres(database.url, { max: 2, onnotice: () => {} }), PLACE);
  // A table of the application whose name begins like ours stands where ours are by default.
  await database.sql.unsafe("create table public.audit_log (id integer primary key, what text)");
  await attach(drizzle(sql), "public.audit_log", { mode: "strict" });
  await database.sql.unsafe("insert into public.audit_log values (1, 'x'); create role app login");
});
afterAll(async () => {
  await sql.end();
  await server.stop();
});

/** What all checks find. */
async function lookedAt(client: postgres.Sql): Promise<string[]> {
  const { report } = await verify(client, {}, { allowUnanchored: true });
  expect(report.unproven).toEqual([]);
  expect(report.rows).toBeGreaterThan(1);
  return report.divergences.map(({ message }) => message);
}

const DETACHED = "public.was_attached was detached: its new rows are not captured any more";

describe("a chain in a schema of its own", () => {
  afterEach(async () => {
    const left = said(await lookAtStructure(sql));
    if (left.length > 0) throw new Error(`the test left something behind: ${left.join("; ")}`);
  });

  test("verifies, with every kind of table", async () => {
    expect(await lookedAt(sql)).toEqual([DETACHED]);
  });

  const ATTACKS: readonly [what: string, attack: string, undo: string, finding: RegExp][] = [
    [
      "a function that links into what somebody has put into public",
      `update pg_proc set prosrc = replace(prosrc, 'audit.audit_', 'public.audit_') where oid = 'audit.audit_chain_link(xid8,integer)'::regprocedure`,
      `update pg_proc set prosrc = replace(prosrc, 'public.audit_', 'audit.audit_') where oid = 'audit.audit_chain_link(xid8,integer)'::regprocedure`,
      /^function_changed: the function audit\.audit_chain_link\(.*\) was changed: source/u,
    ],
    [
      "a capture function of public",
      `create function public.audit_chain_capture_x() returns trigger language plpgsql as 'begin return null; end';
       drop trigger audit_chain_guard on public.strict_refuse;
       create trigger audit_chain_guard after update or delete on public.strict_refuse for each row execute function public.audit_chain_capture_x()`,
      `drop trigger audit_chain_guard on public.strict_refuse; drop function public.audit_chain_capture_x();
       do $$ begin execute format('create trigger audit_chain_guard after update or delete on public.strict_refuse for each row execute function %s()',
         (select t.tgfoid::regproc from pg_trigger as t where t.tgrelid = 'public.strict_refuse'::regclass and t.tgname = 'audit_chain_capture')); end $$`,
      /^trigger_changed: the trigger audit_chain_guard of public\.strict_refuse was changed$/u,
    ],
    [
      "a right on the chain",
      "grant insert on audit.audit_chain to app",
      "revoke insert on audit.audit_chain from app",
      /^privilege_widened: app has INSERT on audit\.audit_chain$/u,
    ],
    [
      "a right of the read-only role on a table",
      "grant select on public.strict_refuse to acme_audit_ro",
      "revoke select on public.strict_refuse from acme_audit_ro",
      /^privilege_widened: acme_audit_ro has SELECT on public\.strict_refuse$/u,
    ],
    [
      "an owner that somebody can become",
      "grant acme_audit_owner to app",
      "revoke acme_audit_owner from app",
      /^privilege_widened: app can become acme_audit_owner$/u,
    ],
    [
      "another owner",
      "alter table audit.audit_chain_pending owner to app",
      "alter table audit.audit_chain_pending owner to acme_audit_owner",
      /^privilege_widened: audit\.audit_chain_pending: it has another owner$/u,
    ],
    [
      "a right of a role that only the default place has",
      "create role scidex_audit_deployer; grant execute on function audit.audit_chain_seal(integer) to scidex_audit_deployer",
      "drop owned by scidex_audit_deployer; drop role scidex_audit_deployer",
      /^privilege_widened: scidex_audit_deployer has EXECUTE on audit\.audit_chain_seal\(int4\)$/u,
    ],
    [
      "a table that is searched before the chain's",
      "create table public.audit_chain (seq bigint); grant select on public.audit_chain, audit.audit_chain to app; alter role app set search_path = public, audit; grant usage on schema audit to app",
      "drop table public.audit_chain; revoke all on audit.audit_chain from app; alter role app reset search_path; revoke usage on schema audit from app",
      /^relation_shadowed: .* gets public\.audit_chain instead of audit\.audit_chain/u,
    ],
  ];

  test.each(ATTACKS)("%s is found", async (_what, attack, undo, finding) => {
    await database.sql.unsafe(attack);
    try {
      expect(said(await lookAtStructure(sql))).toContainEqual(expect.stringMatching(finding));
    } finally {
      await database.sql.unsafe(undo);
    }
  });
});

describe("two chains in one database", () => {
  test("do not see each other", async () => {
    await migrate(drizzle(database.sql));
    await database.sql.unsafe("create table public.of_the_other (id integer primary key)");
    await attach(drizzle(database.sql), "public.of_the_other", { mode: "strict" });
    await database.sql.unsafe("insert into public.of_the_other values (1)");
    expect(await lookedAt(sql)).toEqual([DETACHED]);
    expect(await lookedAt(database.sql)).toEqual([]);
  });

  test("do not take each other's word: a verification at the wrong place says that there is no chain", async () => {
    await expect(verify(clientAt(postgres(database.url), placeOf({ schema: "app" })), {})).rejects.toThrow(
      "There is no table app.audit_chain in this database.",
    );
  });
});
