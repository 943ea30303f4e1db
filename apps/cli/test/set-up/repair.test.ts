import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { openLog, type PolicyLog } from "../policy/open-log.ts";
import { jsonOf, runCli, type RunOptions } from "../run-cli.ts";

type Run = (...args: string[]) => ReturnType<typeof runCli>;

/** A database with audited tables, rows, a published head and a policy. */
async function opened(): Promise<PolicyLog & AsyncDisposable & { readonly cli: Run }> {
  const log = await openLog("one.log", "two.log");
  const cli = async (...args: string[]) => {
    const options: RunOptions = { env: { ...log.env, AUDIT_DATABASE_URL: log.db.url } };
    return await runCli(args, options);
  };
  await log.db.sql
    .unsafe(`create table notes (id int primary key, body text); create table people (id int primary key, name text);
    create table events (id int, at date, primary key (id, at)) partition by range (at);
    create table events_1 partition of events for values from ('2025-01-01') to ('2026-01-01')`);
  for (const args of [["notes"], ["people", "--changes", "track", "--mode", "strict"], ["events"]])
    expect((await cli("attach", ...args)).code).toBe(0);
  await log.db.sql.unsafe(
    "insert into notes values (1, 'a'); insert into people values (1, 'x'); insert into events values (1, '2025-02-02')",
  );
  expect((await cli("publish")).code).toBe(0);
  return { ...log, cli, [Symbol.asyncDispose]: async () => await log.close() };
}

/** Each finding as its check and what it is about. */
async function findings(cli: Run, ...args: string[]): Promise<string[]> {
  const report = jsonOf(await cli("verify", "--json", ...args)) as {
    status: string;
    divergences: { check: string; message: string }[];
  };
  return report.status === "intact"
    ? []
    : [report.status, ...report.divergences.map(({ check, message }) => `${check} ${message}`)];
}

/** What pg_restore leaves out with --no-owner and --no-acl. */
const WITHOUT_OWNERS = `
  do $$ declare o record; begin
    for o in select oid::regclass as t from pg_class where relname like 'audit_chain%' and relkind = 'r' and relnamespace = 'public'::regnamespace loop
      execute format('alter table %s owner to current_user', o.t); end loop;
    for o in select oid::regprocedure as f from pg_proc where proname like 'audit_chain%' and pronamespace = 'public'::regnamespace loop
      execute format('alter function %s owner to current_user', o.f); end loop; end $$;
  update pg_class set relacl = null where relname ~ '^audit_chain|^(notes|people|events|senate_alerts)$';
  update pg_proc set proacl = null where proname ~ '^audit_chain'`;

describe("init --repair", () => {
  it("puts back what a restore without owners and rights has left out: the report is clean again", async () => {
    await using log = await opened();
    const { cli, db } = log;
    expect(await findings(cli)).toEqual([]);
    await db.sql.unsafe(WITHOUT_OWNERS);
    expect((await findings(cli)).length).toBeGreaterThan(60);
    const plain = await cli("init");
    expect(plain.code).toBe(3);
    expect(plain.stderr).toContain("audit-chain init --repair");
    const mended = await cli("init", "--repair");
    expect(mended).toMatchObject({ code: 0, stderr: "" });
    expect(mended.stdout).toContain("put back the owner of public.audit_chain_");
    expect(mended.stdout).toContain("put back missing rights on ");
    expect(await findings(cli)).toEqual([]);
    const again = await cli("init", "--repair", "--json");
    expect(jsonOf(again)).toEqual({ database: db.name, mended: {} });
    // Rights alone are what many restores leave out, and owners are there.
    await db.sql`update pg_proc set proacl = null where proname ~ '^audit_chain'`;
    expect((await cli("init")).stdout).toContain(
      "as after a restore without them: verify, then run audit-chain init --repair",
    );
    expect((await cli("init", "--repair")).stdout).not.toContain("the owner of");
    // Everything works as before.
    await db.sql.unsafe(
      "insert into notes values (2, 'b'); update people set name = 'y'; insert into events values (2, '2025-03-03')",
    );
    expect((await cli("publish")).code).toBe(0);
    expect(await findings(cli)).toEqual([]);
  });

  it("blesses nothing: what was tampered with is mended, recorded as it was found, and a finding until it is approved", async () => {
    await using log = await opened();
    const { cli, db, file } = log;
    await writeFile(file, (await cli("policy")).stdout);
    await db.sql
      .unsafe(`drop trigger audit_chain_guard on notes; alter table people disable trigger "0_audit_chain_track";
      alter table events_1 disable trigger all; drop function audit_chain_quoted(text) cascade;
      alter table audit_chain disable trigger audit_chain_append_only; drop trigger audit_chain_commit on audit_chain_ticket;
      create or replace function audit_chain_seal(max_rows int) returns int language plpgsql security definer as 'begin return 0; end';
      create role intruder; grant insert on audit_chain to intruder; grant execute on function audit_chain_link_all() to intruder`);
    await db.sql.unsafe("update notes set body = 'edited'");
    await db.sql.unsafe("drop table audit_chain_lock");
    const done = await cli("init", "--repair");
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toContain("put back the trigger audit_chain_guard of public.notes (it was missing)");
    expect(done.stdout).toContain("put back the table public.audit_chain_lock (it was missing)");
    expect(done.stdout).toContain("put back additional rights on public.audit_chain (it was intruder INSERT)");
    const found = await findings(cli, "--policy", file);
    expect(found).toHaveLength(3);
    expect(found[0]).toBe("tampered");
    expect(found[1]).toContain("source_edited");
    for (const what of [
      "the function public.audit_chain_seal(integer), found as: CREATE OR REPLACE FUNCTION public.audit_chain_seal",
      "the function public.audit_chain_quoted(text), found missing",
      "the trigger audit_chain_append_only of public.audit_chain, found as: disabled",
      "the trigger audit_chain_commit of public.audit_chain_ticket, found missing",
      `the trigger "0_audit_chain_track" of public.people, found as: disabled`,
      "of public.events_1, found as: disabled",
      "additional rights on public.audit_chain_link_all(), found as: intruder EXECUTE",
    ])
      expect(found[2]).toContain(what);
    const [kept] =
      await db.sql`select actor, repaired ->> 'the function public.audit_chain_seal(integer)' as seal from audit_chain_config where action = 'repair'`;
    expect(kept).toMatchObject({ actor: "postgres", seal: expect.stringContaining("begin return 0; end") as string });
    // The row is put back; what was mended is approved.
    await db.sql.begin(
      async (tx) => await tx.unsafe("set local session_replication_role = replica; update notes set body = 'a'"),
    );
    await db.sql`drop role intruder`;
    expect((await cli("publish")).code).toBe(0);
    expect((await cli("policy", "--diff", file)).code).toBe(4);
    expect((await cli("policy", "--approve", file)).code).toBe(0);
    expect(await findings(cli, "--policy", file)).toEqual([]);
    expect(JSON.parse(await readFile(file, "utf8"))).not.toHaveProperty("tables.public\\.audit_chain_config");
    expect((await cli("status")).stdout).not.toContain("audit_chain_config");
    expect(jsonOf(await cli("sync", "--check", "--json"))).toMatchObject({ tables: [] });
  });

  it("mends nothing over a chain that is not what was published, and makes no record anew", async () => {
    await using log = await opened();
    const { cli, db } = log;
    await db.sql.unsafe(
      "drop trigger audit_chain_guard on notes; alter table audit_chain disable trigger all; delete from audit_chain where seq = 5",
    );
    const refused = await cli("init", "--repair");
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain("gap");
    expect(
      await db.sql`select from pg_trigger where tgname = 'audit_chain_guard' and tgrelid = 'notes'::regclass`,
    ).toHaveLength(0);
    await db.sql`drop table audit_chain_config cascade`;
    const missing = await cli("init", "--repair");
    expect(missing).toMatchObject({ code: 3, stdout: "" });
    expect(missing.stderr).toContain("public.audit_chain_config is missing. What holds records is never made anew");
    await db.sql`drop table audit_chain, audit_chain_secret, audit_chain_salt, audit_chain_migrations cascade`;
    const none = await cli("init", "--repair");
    expect(none).toMatchObject({ code: 3, stdout: "" });
    expect(none.stderr).toContain("there is no audit chain in this database");
  });

  it("leaves what an attacker has planted beside ours, which stays a finding", async () => {
    await using log = await opened();
    const { cli, db } = log;
    await db.sql
      .unsafe(`create function audit_chain_append(text, text) returns int language sql security definer as 'select 1';
      create function audit_chain_more() returns int language sql as 'select 1';
      create trigger planted before insert on audit_chain for each row execute function suppress_redundant_updates_trigger()`)
      .catch(() => {});
    await db.sql.unsafe(
      "create function swallow() returns trigger language plpgsql as 'begin return null; end'; create trigger planted before insert on audit_chain_pending for each row execute function swallow()",
    );
    const before = await findings(cli);
    expect(jsonOf(await cli("init", "--repair", "--json"))).toMatchObject({ mended: {} });
    expect(await findings(cli)).toEqual(before);
    expect(
      await db.sql`select from pg_proc where proname ~ '^audit_chain_(append|more)$' and proowner = 'scidex_audit_owner'::regrole and pronargs < 3 and prorettype <> 'trigger'::regtype`,
    ).toHaveLength(0);
  });
});
