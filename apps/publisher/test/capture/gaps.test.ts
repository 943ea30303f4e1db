/** What is done to the slot and to the position by somebody else, and what capture says of it (docs/threats.md, C19). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { attach } from "@scidex/audit-schema";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { expect, test } from "vitest";
import { expectChained, expectIntact } from "../../../../packages/schema/test/recompute.ts";
import { Follower } from "../../src/capture/follower.ts";
import { beginFollowing } from "../../src/capture/position/begin-following.ts";
import { PositionFile } from "../../src/capture/position/position-file.ts";
import { type Captured, captured } from "./capturing.ts";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
const TABLE = "create table t (id int primary key, note text)";

const slotOf = async ({ sql }: Captured) =>
  (
    await sql<
      { name: string }[]
    >`select slot_name::text as name from pg_replication_slots where database = current_database()`
  )[0]?.name ?? "";

const isFollowed = async (log: Captured) =>
  expect
    .poll(async () => log.sql`select active from pg_replication_slots where slot_name = ${await slotOf(log)}`, {
      timeout: 60_000,
    })
    .toEqual([{ active: true }]);

const gapsIn = async ({ sql }: Captured) =>
  (await sql`select from audit_chain where event_kind = 'audit_chain_gap'`).length;

/** Sessions that wait for the chain's lock with a batch of theirs. */
const inTheDoor = async (sql: Sql) =>
  await sql<{ pid: number }[]>`
    select pid from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and query like '%audit_chain_stream%'`;

/** A follower that has looked at everything, and does not follow yet, with a client that stays open whatever becomes of it. */
async function begun(log: Captured): Promise<{ readonly follower: Follower; readonly client: Sql }> {
  const client = postgres(log.database.url, { max: 2, fetch_types: false });
  const file = await PositionFile.open(log.stateFile);
  const { position, published } = await beginFollowing(client, file, { undecodable: undefined, adoptPosition: false });
  const { signal } = new AbortController();
  const silent = { onLinked: () => {}, onNotice: async () => {}, onWarning: () => {} };
  return { follower: new Follower(client, position, { ...silent, file, published, signal }), client };
}

async function withRow(): Promise<Captured> {
  const log = await captured(TABLE);
  await log.attach("t");
  await log.sql.unsafe("insert into t values (1, 'a')");
  await log.once();
  return log;
}

const ATTACKS = [
  ["the slot is dropped", async (log: Captured) => log.sql`select pg_drop_replication_slot(${await slotOf(log)})`],
  [
    "the slot is dropped and made again",
    async (log: Captured) => {
      const slot = await slotOf(log);
      await log.sql`select pg_drop_replication_slot(${slot})`;
      await log.sql`select from pg_create_logical_replication_slot(${slot}, 'pgoutput')`;
    },
  ],
  [
    "the slot is moved forward",
    async (log: Captured) => log.sql`select pg_replication_slot_advance(${await slotOf(log)}, pg_current_wal_lsn())`,
  ],
  [
    "the slot is moved forward, and the position with it",
    async (log: Captured) => {
      await log.sql`select pg_replication_slot_advance(${await slotOf(log)}, pg_current_wal_lsn())`;
      await log.sql`update audit_chain_position set linked_to = (select confirmed_flush_lsn from pg_replication_slots where slot_name = slot)`;
    },
  ],
  [
    "the position is moved forward",
    async ({ sql }: Captured) => sql`update audit_chain_position set linked_to = pg_current_wal_lsn()`,
  ],
  [
    "the position is moved back",
    async ({ sql }: Captured) => sql`update audit_chain_position set linked_to = linked_to - 1000`,
  ],
  ["the position is removed", async ({ sql }: Captured) => sql`truncate audit_chain_position`],
  [
    "the position says it is another server's",
    async ({ sql }: Captured) => sql`update audit_chain_position set system_identifier = 1`,
  ],
] as const;

test("whatever is done to slot and position while capture stands still is a gap, in the chain for good, and it goes on", async () => {
  const log = await withRow();
  const { sql, gaps } = log;
  for (const [i, [what, attack]] of ATTACKS.entries()) {
    await sql`insert into t values (${100 + i}, 'hidden')`;
    await attack(log);
    await log.once();
    expect([gaps.length, await gapsIn(log)], what).toEqual([i + 1, i + 1]);
    await sql`insert into t values (${200 + i}, 'seen')`;
    await log.once();
    expect(gaps.length, what).toBe(i + 1);
    expect((await sql`select from audit_chain where event_kind = 't' and event_pk = ${`${200 + i}`}`).length).toBe(1);
  }
  await expectIntact(sql);
});

test("without the copy outside, or with a damaged one, the position in the database is not believed; whoever adopts it records a gap from an unknown place", async () => {
  const log = await withRow();
  const kept = readFileSync(log.stateFile, "utf8");
  rmSync(log.stateFile);
  await expect(log.once()).rejects.toMatchObject({ code: "state_missing" });
  writeFileSync(log.stateFile, kept.slice(0, -10));
  await expect(log.once()).rejects.toMatchObject({ code: "state_invalid" });
  writeFileSync(log.stateFile, kept);
  await log.once();
  expect(log.gaps).toEqual([]);
  rmSync(log.stateFile);
  await log.sql.unsafe("insert into t values (2, 'b')");
  expect(await log.once({ adoptPosition: true })).toBe(1);
  expect(log.gaps).toHaveLength(1);
  const gaps = await log.sql<
    { pk: string }[]
  >`select event_pk as pk from audit_chain where event_kind = 'audit_chain_gap'`;
  expect(gaps.map(({ pk }) => pk.split(" ")[0])).toEqual(["unknown"]);
  // Where there is a copy it is the copy that counts.
  await log.sql`update audit_chain_position set linked_to = pg_current_wal_lsn()`;
  await log.once({ adoptPosition: true });
  expect(log.gaps[1]).toContain("the position in the database was changed");
});

test("a slot that is moved when it has been looked at, and is not followed yet, is a gap as well", async () => {
  const log = await withRow();
  const { follower, client } = await begun(log);
  await log.sql.unsafe("insert into t values (2, 'hidden')");
  await log.sql`select pg_replication_slot_advance(${await slotOf(log)}, pg_current_wal_lsn())`;
  expect(await follower.run()).toBe(true);
  await client.end({ timeout: 1 });
  await log.once();
  expect(log.gaps[0]).toContain("was moved forward");
});

test("a second capture process gets nothing linked", async () => {
  const log = await withRow();
  const first = log.start();
  await isFollowed(log);
  await expect(log.once()).rejects.toThrow(/active|another capture/u);
  await first.stop();
  expect(await gapsIn(log)).toBe(0);
});

test("a batch that is still on its way when its process is killed is no gap to the one that comes next", async () => {
  const log = await withRow();
  const { sql } = log;
  let next: Promise<number> | undefined;
  await sql.begin(async (other) => {
    await other.unsafe("select from audit_chain_lock for update");
    const killed = spawn(process.execPath, ["--conditions=source", CLI, "capture", "--state", log.stateFile], {
      env: { PATH: process.env["PATH"], AUDIT_DATABASE_URL: log.database.url },
      stdio: "ignore",
    });
    await sql.unsafe("insert into t values (2, 'b')");
    await expect.poll(async () => (await inTheDoor(sql)).length, { timeout: 60_000 }).toBe(1);
    killed.kill("SIGKILL");
    await once(killed, "exit");
    await sql.unsafe("insert into t values (3, 'c')");
    next = log.once();
    await expect.poll(async () => (await inTheDoor(sql)).length, { timeout: 60_000 }).toBe(2);
  });
  await next;
  expect(await gapsIn(log)).toBe(0);
  expect(log.gaps).toEqual([]);
  expect(await expectChained(sql, "t")).toBe(3);
});

test("where a batch cannot be linked, what has come behind it is not linked either", async () => {
  const log = await withRow();
  const { sql } = log;
  const { follower, client } = await begun(log);
  const following = follower.run();
  following.catch(() => {});
  await isFollowed(log);
  await sql.begin(async (other) => {
    await other.unsafe("select from audit_chain_lock for update");
    await sql.unsafe("insert into t values (2, 'b')");
    await expect.poll(async () => (await inTheDoor(sql)).length, { timeout: 60_000 }).toBe(1);
    await sql.unsafe("insert into t values (3, 'c')");
    await sleep(500);
    const [door] = await inTheDoor(sql);
    await sql`select pg_terminate_backend(${door?.pid ?? 0})`;
    // A connection that it could go on with is there.
    await sleep(500);
  });
  await expect(following).rejects.toThrow(/terminat|connection|EPIPE|ECONNRESET/iu);
  await sleep(500);
  await client.end({ timeout: 1 });
  await log.once();
  expect(await gapsIn(log)).toBe(0);
  expect(await expectChained(sql, "t")).toBe(3);
});

test("a mode is changed on a live table, there and back, and no row is lost or recorded twice", async () => {
  const log = await captured(TABLE);
  const { sql } = log;
  await sql.unsafe("select audit_chain_attach('t', mode => 'sealed')");
  await sql`select public.audit_chain_publication('t')`;
  await log.once();
  const running = log.start();
  let stop = false;
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let n = 0; !stop; n++) await sql`insert into t values (${writer * 1_000_000 + n}, 'x')`;
  });
  for (const mode of ["stream", "strict", "stream"]) {
    await sleep(200);
    await sql`select audit_chain_attach('t', mode => ${mode})`;
  }
  await sleep(300);
  stop = true;
  await Promise.all(writers);
  await running.stop();
  await log.once();
  const [{ rows } = { rows: 0 }] = await sql<{ rows: number }[]>`select count(*)::int as rows from t`;
  expect(await expectChained(sql, "t")).toBe(rows);
  await expectIntact(sql);
  expect(log.gaps).toEqual([]);
});

test("a table is attached while others are written to without a pause", async () => {
  const log = await captured(`${TABLE}; create table other (id int primary key)`);
  const { sql } = log;
  await log.attach("t");
  const running = log.start();
  let stop = false;
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let n = 0; !stop; n++) await sql`insert into t values (${writer * 1_000_000 + n}, 'x')`;
  });
  try {
    await sql`select public.audit_chain_publication('other')`;
    const isTaken = async () =>
      (await sql`select public.audit_chain_is_followed(public.audit_chain_publication('other')) as is`)[0]?.["is"];
    await expect.poll(isTaken, { timeout: 20_000 }).toBe(true);
    await attach(drizzle(sql), "other", { mode: "stream" });
    await sql.unsafe("insert into other values (1)");
  } finally {
    stop = true;
    await Promise.all(writers);
    await running.stop();
  }
  await log.once();
  expect(await expectChained(sql, "other")).toBe(1);
  expect(await gapsIn(log)).toBe(0);
});

test("another owner's tables are followed through a publication of his own, without a gap", async () => {
  const log = await captured(TABLE);
  const { sql } = log;
  await log.attach("t");
  const running = log.start();
  const role = `${log.database.name}_owner`;
  await sql.unsafe(`create role ${role}; create table other (id int primary key); alter table other owner to ${role}`);
  try {
    // It is followed when every transaction has ended that ran when it came, those of other databases too.
    await sql`select public.audit_chain_publication('other')`;
    const isAdopted = async () =>
      (await sql`select public.audit_chain_is_followed(public.audit_chain_publication('other')) as is`)[0]?.["is"];
    await expect.poll(isAdopted, { timeout: 60_000 }).toBe(true);
    await attach(drizzle(sql), "other", { mode: "stream" });
    await sql.unsafe("insert into other values (1); insert into t values (1, 'a')");
    const linked = async () => (await sql`select from audit_chain where event_kind in ('other', 't')`).length;
    await expect.poll(linked, { timeout: 60_000 }).toBe(2);
    await running.stop();
    expect((await sql`select from pg_publication where pubname like 'audit_chain%'`).length).toBe(2);
    expect(log.gaps).toEqual([]);
  } finally {
    await sql.unsafe(`drop owned by ${role} cascade; drop role ${role}`);
  }
});

test.each([
  ["dropped", false],
  ["dropped and made again, with its table", true],
])("a publication that is %s is a gap, and what is lost is said", async (_, isMade) => {
  const log = await withRow();
  const { sql } = log;
  const [{ name } = { name: "" }] = await sql<{ name: string }[]>`select pubname::text as name from pg_publication`;
  await sql.unsafe("insert into t values (2, 'hidden')");
  await sql.unsafe(`drop publication ${name}`);
  await sql.unsafe("insert into t values (3, 'hidden')");
  if (isMade) await sql.unsafe(`create publication ${name} for table t`);
  else await sql.unsafe("select audit_chain_publication('t')");
  await sql.unsafe("insert into t values (4, 'seen')");
  await log.once();
  await log.once();
  expect(log.gaps.length).toBe(1);
  expect(await gapsIn(log)).toBe(1);
});

test("a table that is taken out of its publication, or filtered, for a moment while capture runs is a gap within seconds", async () => {
  const log = await withRow();
  const { sql } = log;
  const running = log.start();
  const [{ name } = { name: "" }] = await sql<{ name: string }[]>`select pubname::text as name from pg_publication`;
  await isFollowed(log);
  for (const [i, [change, undo]] of [
    ["drop table t", "add table t"],
    ["set table t where (id <> 2)", "set table t"],
  ].entries()) {
    await sql.unsafe(`alter publication ${name} ${change}`);
    await sql`insert into t values (${i + 2}, 'hidden')`;
    await sql.unsafe(`alter publication ${name} ${undo}`);
    await expect.poll(() => log.gaps.length, { timeout: 60_000 }).toBe(i + 1);
    await sql`insert into t values (${10 + i}, 'seen')`;
    const seen = async () =>
      (await sql`select from audit_chain where event_kind = 't' and event_pk = ${`${10 + i}`}`).length;
    await expect.poll(seen, { timeout: 60_000 }).toBe(1);
  }
  await running.stop();
  expect(await gapsIn(log)).toBe(2);
});
