// What is there when a table is attached is said and recorded, and a finding only when it changes: rules, inheritance
// children, search paths that lead to another table (cases 10 and 12). And what hides the server's own settings (C15).
import { attach } from "@scidex/audit-schema";
import { createLogin, type EmbeddedServer, startEmbedded, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Finding, withSnapshot } from "@scidex/audit-reader";
import { parsePolicy, type Policy } from "../../src/coverage/policy.ts";
import { checkCoverage } from "../../src/coverage/narrowings.ts";
import { readHistories } from "../../src/coverage/read-histories.ts";
import { readShape } from "../../src/coverage/shape.ts";
import { lookAtStructure, openAudited, said } from "../structure-database.ts";

let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbedded();
});
afterAll(async () => await server.stop());

async function coverage({ sql }: TestDatabase, policy: Policy | null = null): Promise<string[]> {
  const findings: Finding[] = [];
  const report = (finding: Finding) => findings.push(finding);
  const histories = await withSnapshot(sql, async ([lane]) => {
    const chain = await readShape(lane, "public", "audit_chain");
    const config = await readShape(lane, "public", "audit_chain_config");
    if (chain === null || config === null) throw new Error("there is no audit chain");
    return await readHistories(lane, chain, config, report);
  });
  checkCoverage(histories, policy, report);
  // One of the tables has been detached, which has nothing to do with it.
  return findings
    .filter(({ eventKind: kind }) => kind !== "was_attached")
    .map(({ check, message }) => `${check}: ${message}`);
}

const SOFT_DELETE = `create table public.usr (id bigint primary key, name text, "when" text, deleted bool not null default false);
  create rule soft_delete as on delete to public.usr do instead update public.usr set deleted = true where usr.id = old.id`;

describe("a rule that was there at attach", () => {
  test("is said and recorded, and no finding", async () => {
    await using database = await openAudited(server);
    await database.sql.unsafe(`${SOFT_DELETE}; create rule "Odd 'name'" as on insert to public.usr do also notify usr`);
    const { warnings } = await attach(drizzle(database.sql), "public.usr", { changes: "track" });
    expect(warnings.join("\n")).toMatch(/rule public\.usr soft_delete: it can turn a statement into another one/u);
    expect(said(await lookAtStructure(database.sql))).toEqual([]);
    // The same call again records nothing.
    await attach(drizzle(database.sql), "public.usr");
    expect(await database.sql`select from public.audit_chain_config where kind = 'usr'`).toHaveLength(1);
    expect(await coverage(database)).toEqual([]);
  });

  test.each([
    ["its definition", "create or replace rule soft_delete as on delete to public.usr do instead nothing"],
    ["its state", "alter table public.usr disable rule soft_delete"],
    ["another one", "create rule more as on update to public.usr do instead nothing"],
  ])("is a finding when it changes: %s", async (_, change) => {
    await using database = await openAudited(server);
    await database.sql.unsafe(SOFT_DELETE);
    await attach(drizzle(database.sql), "public.usr", { changes: "track" });
    await database.sql.unsafe(change);
    expect(said(await lookAtStructure(database.sql))).toEqual([
      expect.stringMatching(/^relation_changed: public\.usr has the rule (?:soft_delete|more), which/u),
    ]);
    // Nor does it help to attach again: the configuration cannot authorise it, the policy can.
    await attach(drizzle(database.sql), "public.usr");
    expect(said(await lookAtStructure(database.sql))).toEqual([]);
    expect(await coverage(database)).toEqual([
      expect.stringMatching(/^coverage_narrowed: public\.usr was attached again with what was not there before: rule/u),
    ]);
    const [config] = await database.sql<{ present: string[] }[]>`
      select to_json(present) as present from public.audit_chain_config where kind = 'usr' order by id desc limit 1`;
    const table = { kind: "usr", key: ["id"], exclude: [], changes: "track" };
    const policyOf = (present: readonly string[]) =>
      parsePolicy(JSON.stringify({ tables: { "public.usr": { ...table, present } } }));
    expect(await coverage(database, policyOf(config?.present ?? []))).toEqual([]);
    expect(await coverage(database, policyOf([]))).toHaveLength(2);
  });

  test("may go", async () => {
    await using database = await openAudited(server);
    await database.sql.unsafe(SOFT_DELETE);
    await attach(drizzle(database.sql), "public.usr", { changes: "track" });
    await database.sql.unsafe("drop rule soft_delete on public.usr");
    expect(said(await lookAtStructure(database.sql))).toEqual([]);
    await attach(drizzle(database.sql), "public.usr");
    expect(await coverage(database)).toEqual([]);
  });

  test("cannot be judged after an upgrade that prints it differently, until it is recorded anew", async () => {
    await using database = await openAudited(server);
    await database.sql.unsafe(SOFT_DELETE);
    await attach(drizzle(database.sql), "public.usr", { changes: "track" });
    await database.sql.unsafe(
      `set session_replication_role = replica; alter table public.audit_chain_config disable trigger all;
       update public.audit_chain_config set present = array[regexp_replace(present[1], ' \\d+ [0-9a-f]{64}$', concat(' 13 ', repeat('0', 64)))] where kind = 'usr';
       alter table public.audit_chain_config enable trigger all; reset session_replication_role`,
    );
    const looked = await lookAtStructure(database.sql);
    expect(said(looked)).toEqual([]);
    expect(looked.unproven).toEqual([expect.stringContaining("another major version")]);
    await attach(drizzle(database.sql), "public.usr");
    expect((await lookAtStructure(database.sql)).unproven).toEqual([]);
    expect(await coverage(database)).toEqual([]);
  });
});

test("an inheritance child that was there at attach is said and recorded; one that comes later is a finding", async () => {
  await using database = await openAudited(server);
  await database.sql.unsafe(
    `create table public.base (id int primary key); create table app."Child" () inherits (public.base); insert into app."Child" values (1)`,
  );
  const result = await attach(drizzle(database.sql), "public.base");
  expect(result.warnings.join()).toContain('app."Child" inherits from it');
  expect(result).toMatchObject({ complete: true, rows_to_backfill: 0 });
  expect(said(await lookAtStructure(database.sql))).toEqual([]);
  await database.sql`create table public.later () inherits (public.base)`;
  expect(said(await lookAtStructure(database.sql))).toEqual([
    expect.stringContaining("public.base has the inheritance child public.later"),
  ]);
});

describe("case 10: a schema for each tenant", () => {
  const tenants = `create schema one; create schema two; create table one.customers (id int primary key); create table two.customers (id int primary key);`;

  test("a role that has its own search path, and no right on the audited table, is no matter", async () => {
    await using database = await openAudited(server);
    const tenant = await createLogin(database.sql);
    await database.sql.unsafe(
      `${tenants} grant all on schema two to ${tenant.name}; grant all on two.customers to ${tenant.name}; alter role ${tenant.name} set search_path = two, public`,
    );
    const { warnings } = await attach(drizzle(database.sql), "one.customers");
    expect(warnings).toEqual([]);
    expect(said(await lookAtStructure(database.sql))).toEqual([]);
    await tenant.drop();
  });

  test("a role that has rights on both is said and recorded at attach, and a finding when it comes later", async () => {
    await using database = await openAudited(server);
    const [known, later] = [await createLogin(database.sql), await createLogin(database.sql)];
    const both = (role: string) =>
      `grant usage on schema one, two to ${role}; grant select on one.customers, two.customers to ${role}; alter role ${role} set search_path = "two", public`;
    await database.sql.unsafe(`${tenants} ${both(known.name)}`);
    const { warnings } = await attach(drizzle(database.sql), "one.customers");
    expect(warnings).toEqual([expect.stringMatching(/finds the table of the same name in another schema \(two\)/u)]);
    expect(said(await lookAtStructure(database.sql))).toEqual([]);
    await database.sql.unsafe(both(later.name));
    expect(said(await lookAtStructure(database.sql))).toEqual([
      expect.stringContaining(`the role ${later.name} gets two.customers instead of one.customers`),
    ]);
    await known.drop();
    await later.drop();
  });
});

test("C15: settings of the verifier's own login that lie over the server's make it unproven", async () => {
  await using database = await openAudited(server);
  const login = await createLogin(database.sql, { grant: ["scidex_audit_inspector"] });
  await database.sql.unsafe(`alter role ${login.name} set search_path = public`);
  const sql = postgres(login.url, { max: 2, onnotice: () => {} });
  try {
    const looked = await lookAtStructure(sql);
    expect(said(looked)).toEqual([]);
    expect(looked.unproven).toEqual([
      expect.stringMatching(/^search_path is set for the verifier's own login .*run ALTER ROLE .* RESET search_path/u),
    ]);
  } finally {
    await sql.end();
    await login.drop();
  }
});
