/** What the verifier makes of tables in the mode `stream`: lag, edits past the guards, gaps (docs/threats.md, B17 and C19). */
import { type VerificationReport, verify, type VerifyOptions } from "@scidex/audit-verifier";
import postgres from "postgres";
import { expect, test } from "vitest";
import { type Captured, captured } from "./capturing.ts";

const TABLES = "create table t (id int primary key, note text); create table counters (id int primary key, n int)";

async function reportOf(
  { database }: Captured,
  { captureWaitMs = 120_000, checks = ["sources", "coverage"] }: VerifyOptions = {},
): Promise<VerificationReport> {
  const client = postgres(database.url, { max: 2, fetch_types: false, onnotice: () => {} });
  try {
    const { report } = await verify(
      client,
      { origin: "none", keys: [], heads: [] },
      { allowUnanchored: true, captureWaitMs, checks },
    );
    return report;
  } finally {
    await client.end({ timeout: 1 });
  }
}

async function attached(): Promise<Captured> {
  const log = await captured(TABLES);
  await log.attach("t");
  await log.attach("counters", { changes: "track" });
  await log.sql.unsafe("insert into t values (1, 'a'), (2, 'b'); insert into counters values (1, 0), (2, 0)");
  await log.once();
  return log;
}

const found = ({ divergences }: VerificationReport) =>
  divergences.map(({ check, eventKind, eventPk }) => `${check} ${eventKind ?? ""} ${eventPk ?? ""}`.trim());

test("while everybody writes and capture keeps up, the report is clean, again and again", async () => {
  const log = await attached();
  const { sql } = log;
  const running = log.start();
  let stop = false;
  const writers = Array.from({ length: 2 }, async (_, writer) => {
    for (let n = 1; !stop; n++) {
      await sql`insert into t values (${(writer + 1) * 1_000_000 + n}, 'x')`;
      await sql`update counters set n = n + 1 where id = 1`;
      await sql`insert into counters values (${(writer + 1) * 1_000_000 + n}, 0)`;
      await sql`delete from counters where id = ${(writer + 1) * 1_000_000 + n - 5}`;
    }
  });
  const all = ["links", "sources", "coverage", "structure"] as const;
  for (const checks of [all, ["sources"]] as const) {
    const report = await reportOf(log, { checks });
    expect({ status: report.status, found: found(report), unproven: report.unproven }).toEqual({
      status: "intact",
      found: [],
      unproven: [],
    });
  }
  stop = true;
  await Promise.all(writers);
  await running.stop();
});

const past = async ({ sql }: Captured, statements: string) =>
  sql.begin(async (tx) => tx.unsafe(`set local session_replication_role = replica; ${statements}`));

test("rows that capture has not come to are unproven, and no one is accused; an edit past the guard is change_refused at its event; one by DDL is not what was recorded", async () => {
  const log = await attached();
  await log.sql.unsafe("insert into t values (3, 'c'); update counters set n = 7; delete from counters where id = 2");
  const behind = await reportOf(log, { captureWaitMs: 200 });
  expect(found(behind)).toEqual([]);
  expect(behind.status).toBe("unproven");
  expect(behind.unproven.join()).toMatch(/3 rows of tables in the mode stream .* bytes behind/u);

  await past(log, "update t set note = 'forged' where id = 1; delete from t where id = 2");
  const running = log.start();
  const seen = await reportOf(log);
  const [edited = "", deleted = ""] = found(seen);
  expect([edited, deleted, seen.unproven]).toEqual([
    expect.stringMatching(/^change_refused t:update 1@\d+$/u),
    expect.stringMatching(/^change_refused t:delete 2@\d+$/u),
    [],
  ]);
  // This comes to nobody.
  await log.sql.unsafe("alter table t alter note type varchar(9) using 'by DDL'; alter table t alter note type text");
  expect(found(await reportOf(log))).toContain(edited.replace("change_refused", "source_edited"));
  await running.stop();
});

test("a row that is inserted while the slot is moved on is a gap, and without an event; a position that is forged to hide one hides nothing", async () => {
  const log = await attached();
  await log.sql.unsafe("insert into t values (3, 'hidden'); delete from counters where id = 2");
  await log.sql`select pg_replication_slot_advance(slot_name, pg_current_wal_lsn()) from pg_replication_slots where database = current_database()`;
  const running = log.start();
  const report = await reportOf(log);
  await running.stop();
  expect(found(report).map((text) => text.split(" ").slice(0, 2).join(" "))).toEqual([
    "source_deleted counters",
    "capture_gap audit_chain_gap",
    "source_unchained t",
  ]);
  await log.sql.unsafe("insert into t values (4, 'd')");
  await log.sql`update audit_chain_position set linked_to = 'FFFF/0'`;
  // It says that all is linked, and the row is not.
  expect(found(await reportOf(log))).toContain("source_unchained t 4");
});

test("what keeps changes from being sent is a finding while it stands; of a partition that came later a warning; and a slot that is gone is said", async () => {
  const log = await attached();
  const { sql } = log;
  const [{ name } = { name: "" }] = await sql<{ name: string }[]>`select pubname::text as name from pg_publication`;
  await sql.unsafe(
    "create table parts (id int primary key) partition by range (id); create table parts_1 partition of parts for values from (0) to (9)",
  );
  await log.attach("parts");
  await sql.unsafe("create table parts_2 partition of parts for values from (9) to (99)");
  const honest = await reportOf(log, { checks: ["sources", "structure"] });
  expect({ found: found(honest), unproven: honest.unproven }).toEqual({ found: [], unproven: [] });
  expect(honest.warnings.join()).toContain("public.parts_2 does not send what its rows were before a change");
  expect(honest.warnings.join()).not.toContain("part of the whole alone");

  const structure = async () =>
    (await reportOf(log, { checks: ["structure"] })).divergences
      .map(({ check, eventKind, actual }) => `${check} ${eventKind ?? ""}: ${actual ?? ""}`)
      .toSorted();
  await sql.unsafe(`alter publication ${name} set table counters, t where (id <> 2)`);
  await sql.unsafe("alter table counters replica identity default");
  expect(await structure()).toEqual([
    "relation_changed counters: the primary key",
    "relation_changed parts: in none",
    `relation_changed t: ${name} without rows outside a filter`,
  ]);
  // What the whole has is not what a partition has that is there by itself.
  await sql.unsafe(`alter publication ${name} set table t, counters, parts, parts_1 (id)`);
  await sql.unsafe("alter table counters replica identity full");
  expect(await structure()).toEqual([`relation_changed parts: ${name} without columns outside a list`]);
  await sql.unsafe(`alter publication ${name} set table t, counters, parts`);
  expect((await reportOf(log, { checks: ["structure"] })).warnings.join()).toContain(
    "public.parts_1 is sent as a part of the whole alone",
  );
  await sql.unsafe(`alter publication ${name} set (publish = 'insert, update, delete', publish_via_partition_root)`);
  expect(await structure()).toEqual(
    ["counters", "parts", "t"].flatMap((kind) => [
      `relation_changed ${kind}: ${name} without truncations`,
      `relation_changed ${kind}: true`,
    ]),
  );
  await sql.unsafe(
    `alter publication ${name} set (publish = 'insert, update, delete, truncate', publish_via_partition_root = false)`,
  );
  await sql`select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()`;
  await sql.unsafe("insert into t values (9, 'x')");
  const report = await reportOf(log, { captureWaitMs: 200, checks: ["sources", "structure"] });
  expect(found(report)).toEqual([]);
  expect(report.unproven.join()).toMatch(
    /1 rows of tables in the mode stream .* bytes behind, and the replication slot audit_chain_\d+ is gone/u,
  );
  expect(report.warnings.join()).toMatch(/the replication slot audit_chain_\d+ is gone: capture begins anew/u);
});
