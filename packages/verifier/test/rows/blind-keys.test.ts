// Tables whose events are keyed by an HMAC of the row's key: compared like any other, in bounded memory.
import { blindKey } from "@scidex/audit-core";
import { migrate } from "@scidex/audit-schema";
import { createLogin, type Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import { lookup, verifyEvent } from "../../src/index.ts";
import { type ChainDatabase, openChain } from "../chain-database.ts";

const tables: Template = {
  name: "audit-chain-verifier-blinded",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    await sql.unsafe(`
      create table public.people (mail text primary key, name text);
      create table public.pair (a text, b int, v text, primary key (a, b));
      select public.audit_chain_attach('public.people', mode => 'strict', changes => 'track', blind_key => true);
      select public.audit_chain_attach('public.pair', mode => 'sealed', blind_key => true)`);
    await sql`insert into public.people select 'm' || i || '@example.org', 'n' || i from generate_series(1, 40) as i`;
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

async function secretOf(sql: Sql, kind: string): Promise<Uint8Array> {
  const [row] = await sql<{ secret: Uint8Array }[]>`select secret from audit_chain_secret where event_kind = ${kind}`;
  if (row === undefined) throw new Error(`no secret of ${kind}`);
  return row.secret;
}

describe("tables with blinded keys", () => {
  it("are found clean", async () => {
    const report = await (await audited()).verify();
    expect([report.divergences, report.unproven]).toEqual([[], []]);
    expect(report).toMatchObject({ status: "intact", pending: 1n });
  });

  it("show a row that was edited and then changed honestly", async () => {
    const chain = await audited();
    await chain.attack("update public.people set name = 'evil' where mail = 'm30@example.org'");
    await chain.sql`update public.people set name = 'n30' where mail = 'm30@example.org'`;
    await chain.publish();
    const { divergences } = await chain.verify();
    const key = blindKey(await secretOf(chain.sql, "people"), "m30@example.org");
    expect(divergences.map(({ check, eventPk }) => [check, eventPk?.split("@")[0]])).toEqual([
      ["change_unrecorded", key],
    ]);
  });

  it("show every edited, deleted and smuggled row, by its blinded key alone", async () => {
    const chain = await audited();
    const blind = blindKey.bind(null, await secretOf(chain.sql, "people"));
    await chain.attack(`update public.people set name = 'evil' where mail = 'm30@example.org';
      delete from public.people where mail = 'm31@example.org'; insert into public.people values ('x@example.org', 'new'), ('m22@example.org', 'zombie');
      delete from public.pair where b = 7; insert into public.pair values (repeat('long', 600), 8, 'smuggled')`);
    const report = await chain.verify();
    const found = report.divergences.map(({ check, eventKind, eventPk }) => [check, eventKind, eventPk?.split("@")[0]]);
    expect(found).toHaveLength(6);
    expect(found).toContainEqual(["source_edited", "people", blind("m30@example.org")]);
    expect(found).toContainEqual(["source_deleted", "people", blind("m31@example.org")]);
    expect(found).toContainEqual(["source_unchained", "people", blind("x@example.org")]);
    expect(found).toContainEqual(["source_edited", "people:delete", blind("m22@example.org")]);
    const ofPair = found.filter(([, kind]) => kind === "pair").map(([check]) => check);
    expect(new Set(ofPair)).toEqual(new Set(["source_deleted", "source_unchained"]));
    expect(
      JSON.stringify(report, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value)),
    ).not.toContain("example.org@");
  });

  it("are unproven without their secret, and tampered under another one", async () => {
    const chain = await audited();
    await chain.attack("delete from public.audit_chain_secret where event_kind = 'pair'");
    const report = await chain.verify();
    expect(report).toMatchObject({ status: "unproven", divergences: [] });
    expect(report.unproven.join()).toContain("public.pair: the secret of its blinded keys is missing");
    await chain.attack(`alter table public.audit_chain_secret drop constraint audit_chain_secret_pkey;
      insert into public.audit_chain_secret values ('pair', sha256('a')), ('pair', sha256('b'))`);
    expect((await chain.verify()).unproven.join()).toContain("public.pair: the secret of its blinded keys is missing");
    await chain.attack("update public.audit_chain_secret set secret = sha256('mine')");
    expect((await chain.verify()).status).toBe("tampered");
  });

  it("cannot be switched to plain keys, or to salt, past the front door", async () => {
    const chain = await audited();
    await chain.sql.unsafe(`insert into public.audit_chain_config
        (id, recorded_at, actor, action, kind, relation, key_columns, columns, members, absent, column_types, excluded, changes, mode, complete, salt, blind_key)
      select 99, clock_timestamp(), actor, action, kind, relation, key_columns, columns, members, absent, column_types, excluded, changes, mode, complete, true, false
        from public.audit_chain_config where kind = 'pair'`);
    const report = await chain.verify();
    expect(report.status).toBe("tampered");
    const messages = report.divergences
      .filter(({ check }) => check === "coverage_narrowed")
      .map(({ message }) => message);
    expect(messages.join()).toContain("blind_key off and salt on since then");
    expect(report.unproven.join()).toContain("whether its payloads are salted was changed");
  });

  it("are looked up by a row's own key where the login may read the secret, else by the blinded one", async () => {
    const chain = await audited();
    const event = { kind: "people", pk: "m1@example.org" };
    const blinded = blindKey(await secretOf(chain.sql, "people"), event.pk);
    const login = async (role: string) => {
      const client = postgres((await createLogin(chain.sql, { grant: [role] })).url, { max: 1, fetch_types: false });
      onTestFinished(async () => await client.end());
      return client;
    };
    const [inspector, reader] = [await login("scidex_audit_inspector"), await login("scidex_audit_ro")];
    const kinds = async (sql: Sql, pk: string) =>
      (await lookup(sql, { kind: "people", pk })).map(({ eventKind }) => eventKind);
    expect(await kinds(inspector, event.pk)).toEqual(["people", "people:update"]);
    expect(await kinds(reader, event.pk)).toEqual([]);
    expect(await kinds(reader, blinded)).toEqual(["people", "people:update"]);
    const verdict = await verifyEvent(inspector, { ...event, payload: { mail: event.pk, name: "changed" } });
    expect(verdict.status).toBe("recorded");
    expect(verdict.link?.beforeHash).toHaveLength(32);
  });
});
