/** Tables whose events have the keys of their rows only as HMACs. */
import { blindKey } from "@scidex/audit-core";
import { migrate } from "@scidex/audit-schema";
import type { Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { expect, it } from "vitest";
import { type ChainDatabase, openChain } from "./chain-database.ts";

const tables: Template = {
  name: "audit-chain-verifier-blind",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    await sql.unsafe(`
      create table public.person (mail text primary key, name text);
      create table public.pair (a text, b int, v text, primary key (a, b));
      select public.audit_chain_attach('public.person', changes => 'track', blind_key => true);
      select public.audit_chain_attach('public.pair', mode => 'sealed', blind_key => true);
      insert into public.person values ('zoë@example.org', 'Zoë'), ('bob@example.org', 'Bob');
      update public.person set name = 'Z.' where name = 'Zoë';
      insert into public.pair values ('x"y', 1, 'v'), ('z', 2, 'w');
      select public.audit_chain_seal(10);
      insert into public.pair values ('pending', 3, 'x')`);
    await sql.end();
  },
};

async function open(): Promise<ChainDatabase> {
  const chain = await openChain({ template: tables });
  await chain.publish();
  return chain;
}

async function blinded(chain: ChainDatabase, kind: string, key: string): Promise<string> {
  const [row] = await chain.sql<{ secret: Buffer }[]>`
    select secret from public.audit_chain_secret where event_kind = ${kind}`;
  return blindKey(row?.secret ?? new Uint8Array(0), key);
}

it("rows are matched with their events, however they are read", async () => {
  const chain = await open();
  for (const jobs of [1, 2]) expect(await chain.verify({ jobs })).toMatchObject({ status: "intact", divergences: [] });
  expect((await chain.verify({ plain: true })).status).toBe("intact");
});

it.each([
  ["source_edited", "update public.pair set v = 'evil' where b = 1", "pair", '["x\\"y","1"]'],
  ["source_edited", "update public.pair set v = 'evil' where b = 3", "pair", '["pending","3"]'],
  ["source_deleted", "delete from public.pair where b = 2", "pair", '["z","2"]'],
  ["source_unchained", "insert into public.pair values ('new', 4, 'x')", "pair", '["new","4"]'],
  ["source_edited", "update public.person set name = 'evil' where name = 'Bob'", "person", "bob@example.org"],
  ["source_unchained", "insert into public.person values ('eve@example.org', 'Eve')", "person", "eve@example.org"],
])("%s names the blinded key: %s", async (check, attack, kind, key) => {
  const chain = await open();
  await chain.attack(attack);
  const { status, divergences } = await chain.verify();
  expect(status).toBe("tampered");
  expect(divergences.map((found) => [found.check, found.event_kind, found.event_pk])).toEqual([
    [check, kind, await blinded(chain, kind, key)],
  ]);
});

it("an edit that an honest change launders is found under the blinded key", async () => {
  const chain = await open();
  await chain.attack("update public.person set name = 'evil' where name = 'Z.'");
  await chain.sql`update public.person set name = 'Zoë' where name = 'evil'`;
  await chain.publish();
  const { divergences } = await chain.verify();
  const key = await blinded(chain, "person", "zoë@example.org");
  expect(divergences.map(({ check, event_pk }) => [check, event_pk?.split("@")[0]])).toEqual([
    ["change_unrecorded", key],
  ]);
});

it.each([
  ["is gone", "delete from public.audit_chain_secret where event_kind = 'pair'"],
  [
    "is there twice",
    "alter table public.audit_chain_secret drop constraint audit_chain_secret_pkey; insert into public.audit_chain_secret select event_kind, sha256(secret) from public.audit_chain_secret",
  ],
  ["has moved to another table", "alter table public.audit_chain_secret rename to moved"],
])("nothing is said of rows whose secret %s", async (_, attack) => {
  const chain = await open();
  await chain.attack(attack);
  const report = await chain.verify();
  expect(report).toMatchObject({ status: "unproven", divergences: [] });
  expect(report.unproven.join("\n")).toContain(
    "public.pair: the secret of its keys is not in public.audit_chain_secret",
  );
});
