// Tables whose payloads are salted: compared like any other, and only while their salts are there.
import { migrate } from "@scidex/audit-schema";
import type { Template } from "@scidex/audit-testkit";
import { createLogin } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import { lookup, readSalt, verifyEvent } from "../../src/index.ts";
import { type ChainDatabase, openChain } from "../chain-database.ts";

const tables: Template = {
  name: "audit-chain-verifier-salted",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    await sql.unsafe(`
      create table public.people (mail text primary key, name text);
      create table public.pair (a text, b int, v text, primary key (a, b));
      insert into public.pair values ('before', 0, 'v');
      select public.audit_chain_attach('public.people', mode => 'strict', changes => 'track', salt => true, blind_key => true);
      select public.audit_chain_attach('public.pair', mode => 'sealed', salt => true)`);
    await sql`select public.audit_chain_adopt('pair', array['["before","0"]'], array[public.audit_chain_salted('pair', '["before","0"]', '{"a":"before","b":"0","v":"v"}')])`;
    await sql`select public.audit_chain_complete('public.pair')`;
    await sql`insert into public.people select 'm' || i || '@example.org', 'é' || i from generate_series(1, 40) as i`;
    await sql`update public.people set name = 'changed' where mail like 'm1%'`;
    await sql`delete from public.people where mail like 'm2%'`;
    await sql`insert into public.people values ('m21@example.org', 'back')`;
    await sql`insert into public.pair select 'a"' || i, i, null from generate_series(1, 20) as i`;
    await sql`select public.audit_chain_seal(1000)`;
    await sql`insert into public.pair values ('pending', 0, 'v')`;
    await sql.end();
  },
};

async function audited(): Promise<ChainDatabase> {
  const chain = await openChain({ template: tables });
  await chain.publish();
  return chain;
}

const OF_PAIR = `event_kind = 'pair' and event_pk = '["a\\"3","3"]'`;

describe("tables whose payloads are salted", () => {
  it.each([{}, { plain: true }, { jobs: 2 }])("are found clean: %o", async (options) => {
    const chain = await audited();
    const report = await chain.verify({ ...chain.asked, ...options });
    expect([report.divergences, report.unproven]).toEqual([[], []]);
    expect(report).toMatchObject({ status: "intact", pending: 1n });
    const bytes = await chain.sql`select from public.audit_chain_salt where octet_length(salt) = 16`;
    expect(bytes).toHaveLength(62);
  });

  it.each([
    ["edited", `update public.pair set v = 'evil' where b = 3`],
    ["left without its salt", `delete from public.audit_chain_salt where ${OF_PAIR}`],
    ["given another salt", `update public.audit_chain_salt set salt = substr(sha256('mine'), 1, 16) where ${OF_PAIR}`],
    [
      "given a salt too short",
      `alter table public.audit_chain_salt drop constraint audit_chain_salt_check;
      update public.audit_chain_salt set salt = substr(salt, 1, 15) where ${OF_PAIR}`,
    ],
    [
      "given a salt too long",
      `alter table public.audit_chain_salt drop constraint audit_chain_salt_check;
      update public.audit_chain_salt set salt = salt || '{' where ${OF_PAIR}`,
    ],
    [
      "given two salts",
      `alter table public.audit_chain_salt drop constraint audit_chain_salt_pkey;
      insert into public.audit_chain_salt select * from public.audit_chain_salt where ${OF_PAIR}`,
    ],
    [
      "edited, its salt gone",
      `update public.pair set v = 'evil' where b = 3; delete from public.audit_chain_salt where ${OF_PAIR}`,
    ],
  ])("accuse a row that was %s", async (_, attack) => {
    const chain = await audited();
    await chain.attack(attack);
    const { divergences, unproven } = await chain.verify();
    expect(divergences.map(({ check, eventPk }) => [check, eventPk])).toEqual([
      ["source_edited", String.raw`["a\"3","3"]`],
    ]);
    expect(divergences[0]?.message).toContain("or its salt is gone");
    expect(unproven).toEqual([]);
  });

  it("accuse every row where the table of salts is gone, and are not proven by another one in its place", async () => {
    const chain = await audited();
    await chain.attack("alter table public.audit_chain_salt rename to taken_away");
    const { divergences } = await chain.verify();
    expect(new Set(divergences.map(({ check }) => check))).toEqual(new Set(["source_edited"]));
    expect(divergences.length).toBeGreaterThan(40);
  });

  it("show a row that was edited and then changed honestly", async () => {
    const chain = await audited();
    await chain.attack("update public.people set name = 'evil' where mail = 'm30@example.org'");
    await chain.sql`update public.people set name = 'n30' where mail = 'm30@example.org'`;
    await chain.publish();
    const { divergences } = await chain.verify();
    expect(divergences.map(({ check }) => check)).toEqual(["change_unrecorded"]);
  });

  it("show a row whose salt was taken away before it was changed honestly", async () => {
    const chain = await audited();
    await chain.attack("delete from public.audit_chain_salt where event_kind = 'people'");
    await chain.sql`update public.people set name = 'n30' where mail = 'm30@example.org'`;
    await chain.publish();
    const { divergences } = await chain.verify();
    expect(divergences.filter(({ check }) => check === "change_unrecorded")).toHaveLength(1);
    expect(divergences.filter(({ check }) => check === "source_edited").length).toBeGreaterThan(10);
  });

  it("are looked up with a payload by whoever may read salts, and say so where one is gone", async () => {
    const chain = await audited();
    const login = async (role: string) => {
      const client = postgres((await createLogin(chain.sql, { grant: [role] })).url, { max: 1, fetch_types: false });
      onTestFinished(async () => await client.end());
      return client;
    };
    const inspector = await login("scidex_audit_inspector");
    const row = { kind: "people", pk: "m1@example.org", payload: { mail: "m1@example.org", name: "changed" } };
    expect((await verifyEvent(inspector, row)).status).toBe("recorded");
    expect((await verifyEvent(inspector, { ...row, payload: { mail: "m1@example.org" } })).status).toBe("different");
    expect(await readSalt(inspector, row)).toHaveLength(16);
    expect(await readSalt(await login("scidex_audit_ro"), row)).toBeNull();
    await chain.attack("delete from public.audit_chain_salt where event_kind = 'people'");
    expect((await verifyEvent(inspector, row)).status).toBe("forgotten");
    expect(await lookup(inspector, row)).toHaveLength(2);
  });
});
