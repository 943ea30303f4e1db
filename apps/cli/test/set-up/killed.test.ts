/** Commands that change something are killed at some moment: each has done nothing, or all of it, and goes on when run again. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createDatabase } from "@scidex/audit-testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openLog, type PolicyLog } from "../policy/open-log.ts";
import { type Ended, runCli } from "../run-cli.ts";

/** How often each is killed, at moments that lie evenly in the time that it takes. */
const KILLS = 5;

let log: PolicyLog;
beforeEach(async () => {
  log = await openLog("a.log", "b.log");
});
afterEach(async () => await log.close());

const run = async (...args: readonly string[]): Promise<Ended> => await log.db.run(args, { env: log.env });
const ok = async (...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await run(...args);
  expect(code, `${args.join(" ")}: ${stdout}${stderr}`).toBe(0);
  return stdout;
};

/** Kills a command again and again, the later each time, and then lets it end. */
async function killed(args: readonly string[], after: () => Promise<void>): Promise<void> {
  const started = performance.now();
  // How long it takes to begin: nothing has happened before.
  await runCli(["--version"]);
  const began = performance.now() - started;
  for (let n = 0; n < KILLS; n++) {
    await log.db.run(args, { env: log.env, killAfterMs: began * (0.6 + n * 0.5) });
    await after();
  }
}

it("accept leaves the policy as it was, or with all that was accepted", async () => {
  const { db, file, folder } = log;
  await db.sql.unsafe(`
    create table orders (id int primary key, item text); select public.audit_chain_attach('public.orders', changes => 'track');
    insert into orders select n, 'a' from generate_series(1, 60) as n`);
  await ok("publish");
  await writeFile(file, await ok("policy"));
  await db.sql.unsafe(
    "set session_replication_role = replica; update orders set item = 'by hand'; reset session_replication_role",
  );
  const report = join(folder, "report.json");
  await writeFile(report, (await run("verify", "--json", "--policy", file)).stdout);
  const before = await readFile(file, "utf8");
  const args = ["accept", report, "--reason", "INC-7", "--policy", file];
  const counts = new Set<number>();
  await killed(args, async () => {
    const { accepted = [] } = JSON.parse(await readFile(file, "utf8")) as { accepted?: object[] };
    counts.add(accepted.length);
    await writeFile(file, before);
  });
  expect([...counts].filter((count) => count !== 0 && count !== 60)).toEqual([]);
  await ok(...args);
  await ok("verify", "--policy", file);
});

it("init --repair mends all or nothing, and says what it has mended", async () => {
  const { db } = log;
  await db.sql.unsafe(`create table facts (id int primary key); select public.audit_chain_attach('public.facts');
    insert into facts select generate_series(1, 9)`);
  await ok("publish");
  const broken = `drop trigger audit_chain_guard on facts; drop trigger audit_chain_capture on facts;
    revoke all on audit_chain_config from scidex_audit_inspector; alter function audit_chain_seal(integer) owner to current_user`;
  await db.sql.unsafe(broken);
  /** How much of it is there, and how often a repair is recorded. */
  const state = async () => {
    const [row] = await db.sql`
      select (select count(*)::int from pg_trigger where tgrelid = 'facts'::regclass and tgname in ('audit_chain_guard', 'audit_chain_capture')) as triggers,
             has_table_privilege('scidex_audit_inspector', 'audit_chain_config', 'select') as may_read,
             (select proowner::regrole::text from pg_proc where oid = 'audit_chain_seal(integer)'::regprocedure) = 'scidex_audit_owner' as is_ours,
             (select count(*)::int from audit_chain_config where action = 'repair') as repairs`;
    return row;
  };
  const before = await state();
  expect(before).toEqual({ triggers: 0, may_read: false, is_ours: false, repairs: 0 });
  const mended = { triggers: 2, may_read: true, is_ours: true, repairs: 1 };
  await killed(["init", "--repair"], async () => {
    const now = await state();
    expect(now).toEqual(now?.["repairs"] === 0 ? before : mended);
  });
  await ok("init", "--repair");
  expect(await state()).toEqual(mended);
});

it("restore puts a row back with its event, or not at all", async () => {
  const { db, folder } = log;
  await db.sql
    .unsafe(`create table facts (id int primary key, body text); select public.audit_chain_attach('public.facts', mode => 'strict');
    insert into facts values (1, 'as it was'), (2, 'another')`);
  const file = join(folder, "row.json");
  await writeFile(file, JSON.stringify({ id: 1, body: "as it was" }));
  await db.sql.unsafe(
    "set session_replication_role = replica; delete from facts where id = 1; reset session_replication_role",
  );
  const state = async () => {
    const [row] = await db.sql`
      select (select count(*)::int from facts where id = 1) as rows,
             (select count(*)::int from audit_chain where event_kind = 'facts:restore') as events`;
    return row;
  };
  const args = ["restore", "facts", "1", "--row", file];
  await killed(args, async () => {
    const now = await state();
    expect(now?.["rows"]).toBe(now?.["events"]);
  });
  if ((await state())?.["rows"] === 0) await ok(...args);
  expect(await state()).toEqual({ rows: 1, events: 1 });
  await ok("publish");
  await ok("verify");
});

it("init --adopt takes an earlier chain over, in as many runs as it needs", async () => {
  await using database = await createDatabase();
  const { sql, url } = database;
  await sql.unsafe(`create table audit_chain (seq bigserial primary key, event_kind text not null, event_pk text not null,
      event_hash bytea not null, prev_hash bytea not null, chain_hash bytea not null, appended_at timestamptz not null default now(), unique (event_kind, event_pk));
    do $$ declare prev bytea := decode(repeat('00', 32), 'hex'); begin
      for n in 1 .. 400 loop
        insert into audit_chain (event_kind, event_pk, event_hash, prev_hash, chain_hash)
        values ('task_events', n::text, sha256(int8send(n)), prev, sha256(prev || sha256(int8send(n)) || int8send(n))) returning chain_hash into prev;
      end loop;
    end $$`);
  const adopt = async (killAfterMs?: number): Promise<Ended> =>
    await runCli(["init", "--adopt"], {
      env: { AUDIT_DATABASE_URL: url },
      ...(killAfterMs === undefined ? {} : { killAfterMs }),
    });
  const started = performance.now();
  await runCli(["--version"]);
  const began = performance.now() - started;
  for (let n = 1; n <= KILLS; n++) {
    await adopt(began * (0.5 + n));
    const [row] = await sql<{ columns: string; rows: number }[]>`
      select (select count(*)::int from pg_attribute where attrelid = 'public.audit_chain'::regclass and attname = 'payload_hash')::text as columns,
             (select count(*)::int from pg_class where relname = 'earlier_audit_chain') as rows`;
    // The one or the other stands under the name, whole.
    expect([row?.columns, row?.rows]).toEqual(row?.columns === "0" ? ["0", 0] : ["1", 1]);
  }
  const { code, stdout, stderr } = await adopt();
  expect(code, stdout + stderr).toBe(0);
  const [counts] = await sql`
    select (select count(*)::int from earlier_audit_chain) as rows,
           (select count(*)::int from audit_chain where event_kind = 'earlier_audit_chain') as links`;
  expect(counts).toEqual({ rows: 400, links: 400 });
});
