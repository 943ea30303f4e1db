import { createLogin } from "@scidex/audit-testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StatusReport } from "../src/status/status-report.ts";
import { type ChainDatabase, chainDatabase } from "./chain-database.ts";
import { jsonOf, runCli } from "./run-cli.ts";

let db: ChainDatabase;
beforeEach(async () => (db = await chainDatabase()));
afterEach(() => db.drop());

const report = async (env: Record<string, string> = {}): Promise<StatusReport> =>
  jsonOf(await db.run(["status", "--json"], { env })) as StatusReport;

describe("status", () => {
  it("of a fresh set-up shows an empty chain and how to go on", async () => {
    const ended = await db.run(["status"]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("none: the chain is empty");
    expect(ended.stdout).toContain("No tables are attached. Run: audit-chain attach TABLE");
    expect(ended.stdout).toMatch(/^lock +free$/m);
  });

  it("counts the rows that are not chained, of every kind of table", async () => {
    await db.sql`create table refusing (a int, b timestamptz, primary key (a, b))`;
    await db.sql`insert into refusing values (1, now()), (2, now())`;
    await db.sql`create table tracking (id text primary key, state text)`;
    await db.sql`create table parted (id int primary key) partition by range (id)`;
    await db.sql`create table parted_1 partition of parted for values from (0) to (1000)`;
    await db.run(["attach", "refusing", "parted"]);
    await db.run(["attach", "tracking", "--changes", "track"]);
    await db.sql`set timezone = 'Asia/Kolkata'`;
    await db.sql`insert into refusing values (3, now())`;
    await db.sql`insert into parted values (1), (2)`;
    await db.sql`insert into tracking values ('a', 'x'), ('b', 'x')`;
    await db.sql`update tracking set id = 'c' where id = 'a'`;
    await db.sql`delete from tracking where id = 'b'`;
    await db.sql`insert into tracking values ('b', 'again')`;
    const clean = await report();
    expect(clean.tables.map(({ kind, complete, unchained }) => [kind, complete, unchained])).toEqual([
      ["parted", true, { rows: 0 }],
      ["refusing", false, { rows: 2 }],
      ["tracking", true, { rows: 0 }],
    ]);
    expect(clean.to_do).toEqual([
      {
        about: "public.refusing",
        problem: "2 rows that were there before are not chained yet",
        run: "audit-chain backfill public.refusing",
      },
    ]);

    await db.sql`alter table tracking disable trigger all`;
    await db.sql`alter table parted disable trigger all`;
    await db.sql`insert into tracking values ('past', 'the trigger')`;
    await db.sql`insert into parted_1 values (9)`;
    const { tables, to_do } = await report();
    expect(tables.map(({ kind, unchained }) => [kind, unchained])).toContainEqual(["tracking", { rows: 1 }]);
    expect(to_do).toContainEqual({
      about: "public.tracking",
      problem: "1 rows were inserted past the trigger, or came with a partition that had them",
      run: "audit-chain verify",
    });
    expect(to_do.map(({ problem }) => problem)).toContain("trigger 0_audit_chain_track is disabled");
  });

  it("says why rows were not counted", async () => {
    await db.sql`create table hidden (id int primary key)`;
    await db.sql`insert into hidden values (1)`;
    await db.run(["attach", "hidden"]);
    await db.sql`alter table hidden enable row level security`;
    const inspector = await createLogin(db.sql, { grant: ["scidex_audit_inspector"] });
    const { tables } = await report({ AUDIT_DATABASE_URL: inspector.url });
    expect(tables[0]?.unchained).toEqual({ not_counted: expect.stringContaining("row-level security") });
    await inspector.drop();
  });

  it("shows what differs from the configuration, and what to run", async () => {
    await db.sql`create type mood as enum ('good', 'bad')`;
    await db.sql`create table drifting (id int primary key, a int, b varchar(10), m mood)`;
    await db.run(["attach", "drifting"]);
    expect((await report()).to_do).toEqual([]);
    await db.sql`alter table drifting add column c text`;
    await db.sql`alter table drifting drop column a`;
    await db.sql`alter table drifting alter column b type varchar(20)`;
    await db.sql`alter type mood rename value 'bad' to 'awful'`;
    await db.sql`drop trigger audit_chain_guard on drifting`;
    const { to_do } = await report();
    expect(to_do.map(({ problem }) => problem)).toEqual([
      "column c is not covered yet",
      "column a is gone",
      "column b is now character varying(20), recorded is character varying(10)",
      `column m is now "public"."mood"{'good','awful'}, recorded is "public"."mood"{'good','bad'}`,
      "trigger audit_chain_guard is missing",
    ]);
    expect(new Set(to_do.map(({ run }) => run))).toEqual(new Set(["audit-chain sync"]));
    await db.run(["attach", "drifting"]);
    expect((await report()).to_do).toEqual([]);

    await db.sql`alter table drifting rename to drifted`;
    expect((await report()).to_do).toMatchObject([{ run: "audit-chain sync" }]);
    await db.sql`drop table drifted`;
    const gone = await report();
    expect(gone.to_do).toMatchObject([{ problem: expect.stringContaining("the table is gone") }]);
    expect(gone.tables[0]?.unchained).toEqual({ not_counted: "the table is gone" });
  });

  it("shows pending rows with their age, and those that were set aside", async () => {
    await db.sql`select audit_chain_append('job', '1', sha256('a'))`;
    await db.sql`select audit_chain_enqueue('job', '1', sha256('b'))`;
    await db.sql`select audit_chain_seal(10)`;
    await db.sql`select audit_chain_enqueue('job', '2', sha256('b'))`;
    const ended = await db.run(["status"]);
    expect(ended.stdout).toMatch(/^pending +1, the oldest for \d+ s; 1 set aside with a conflict \(job 1\)$/m);
    expect((await report()).pending).toMatchObject({
      count: 1,
      oldest_seconds: expect.any(Number),
      conflict_count: 1,
      conflicts: [{ event_kind: "job", event_pk: "1", reason: expect.any(String) }],
    });
  });

  it("tells who holds the chain's lock and who waits for it", async () => {
    const holder = db.session();
    await holder`begin`;
    await holder`select audit_chain_append('job', '1', sha256('a'))`;
    const [me] = await holder<{ pid: number }[]>`select pg_backend_pid() as pid`;
    const waiters = [1, 2].map((n) => db.sql`select audit_chain_append('job', ${`w${n}`}, sha256('a'))`.execute());
    for (;;) {
      const waiting =
        await db.sql`select from pg_stat_activity where datname = ${db.name} and wait_event_type = 'Lock'`;
      if (waiting.length === 2) break;
    }
    const { lock } = await report();
    expect(lock.map(({ role }) => role)).toEqual(["holds", "waits", "waits"]);
    expect(lock[0]).toMatchObject({ pid: me?.pid, prepared: null, seconds: expect.any(Number) });
    const text = await db.run(["status"]);
    expect(text.stdout).toMatch(new RegExp(`held by session ${me?.pid} .*in a transaction of \\d+ s`));
    await holder`commit`;
    await Promise.all(waiters);
    expect((await report()).lock).toEqual([]);
  });

  it("tells which prepared transaction holds the chain's lock", async () => {
    const session = db.session();
    await session`begin`;
    await session`select audit_chain_append('job', '1', sha256('a'))`;
    await session.unsafe(`prepare transaction 'forgotten-${db.name}'`);
    const waiter = db.sql`select audit_chain_append('job', '2', sha256('a'))`.execute();
    for (;;) {
      const waiting =
        await db.sql`select from pg_stat_activity where datname = ${db.name} and wait_event_type = 'Lock'`;
      if (waiting.length === 1) break;
    }
    const { lock } = await report();
    expect(lock.map(({ role, prepared }) => [role, prepared])).toEqual([
      ["holds", `forgotten-${db.name}`],
      ["waits", null],
    ]);
    expect(lock[0]?.seconds).toEqual(expect.any(Number));
    const text = await db.run(["status"]);
    expect(text.stdout).toContain("ROLLBACK PREPARED");
    await db.sql.unsafe(`rollback prepared 'forgotten-${db.name}'`);
    await waiter;
  });

  it("shows each role what it may read, and names the rest", async () => {
    await db.sql`create table audited (id int primary key)`;
    await db.run(["attach", "audited"]);
    const reader = await createLogin(db.sql, { grant: ["scidex_audit_ro"] });
    const inspector = await createLogin(db.sql, { grant: ["scidex_audit_inspector"] });
    const ro = await runCli(["status"], { env: { AUDIT_DATABASE_URL: reader.url } });
    expect(ro.code).toBe(3);
    expect(ro.stdout).toMatch(/^head +1, /m);
    expect(ro.stdout).toContain("Tables: not readable.");
    expect(ro.stdout).toContain("A member of scidex_audit_inspector sees everything.");
    const all = await runCli(["status", "--json"], { env: { AUDIT_DATABASE_URL: inspector.url } });
    expect(all.code).toBe(0);
    expect(jsonOf(all) as StatusReport).toMatchObject({
      not_read: [],
      to_do: [],
      tables: [{ unchained: { rows: 0 } }],
    });
    await reader.drop();
    await inspector.drop();
  });

  it("shows hostile names without letting them write to the terminal", async () => {
    await db.sql.unsafe(`create table "evil\u001b[2J\nname" (id int primary key)`);
    await db.sql.unsafe(`select audit_chain_attach('"evil\u001b[2J\nname"')`);
    const ended = await db.run(["status"]);
    expect(ended.code).toBe(0);
    expect(ended.stdout).not.toContain("\u001b");
    expect(ended.stdout).toContain("evil\\u001b[2J\\u000aname");
  });
});
