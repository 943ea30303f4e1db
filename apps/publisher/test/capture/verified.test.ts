/** What the verifier makes of tables in the mode `stream`: lag, edits past the guards, gaps (docs/threats.md, B17 and C19). */
import { setTimeout as sleep } from "node:timers/promises";
import { type VerificationReport, verify } from "@scidex/audit-verifier";
import postgres from "postgres";
import { expect, test } from "vitest";
import { type Captured, captured } from "./capturing.ts";

const TABLES = "create table t (id int primary key, note text); create table counters (id int primary key, n int)";

async function reportOf({ database }: Captured, captureWaitMs = 30_000): Promise<VerificationReport> {
  const client = postgres(database.url, { max: 2, fetch_types: false, onnotice: () => {} });
  try {
    const { report } = await verify(
      client,
      { origin: "none", keys: [], heads: [] },
      { allowUnanchored: true, captureWaitMs },
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
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let n = 1; !stop; n++) {
      await sql`insert into t values (${(writer + 1) * 1_000_000 + n}, 'x')`;
      await sql`update counters set n = n + 1 where id = 1`;
      await sql`insert into counters values (${(writer + 1) * 1_000_000 + n}, 0)`;
      await sql`delete from counters where id = ${(writer + 1) * 1_000_000 + n - 5}`;
    }
  });
  for (let n = 0; n < 3; n++) {
    const report = await reportOf(log);
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

test("rows that capture has not come to are unproven, with how far it is behind, and no one is accused", async () => {
  const log = await attached();
  await log.sql.unsafe("insert into t values (3, 'c'); update counters set n = 7; delete from counters where id = 2");
  const report = await reportOf(log, 200);
  expect(found(report)).toEqual([]);
  expect(report.status).toBe("unproven");
  expect(report.unproven.join()).toMatch(/3 rows of tables in the mode stream .* bytes behind/u);
  await log.once();
  expect((await reportOf(log)).status).toBe("intact");
});

test("an edit past the guard is change_refused at its event; by DDL, which comes to nobody, the row is not what was recorded", async () => {
  const log = await attached();
  await log.sql.begin(async (tx) =>
    tx.unsafe(
      "set local session_replication_role = replica; update t set note = 'forged' where id = 1; delete from t where id = 2",
    ),
  );
  const first = log.start();
  const before = await reportOf(log);
  await first.stop();
  expect({ found: found(before), unproven: before.unproven }).toEqual({
    found: ["change_refused t:update 1@7", "change_refused t:delete 2@8"],
    unproven: [],
  });
  await log.sql.unsafe("alter table t alter note type varchar(9) using 'by DDL'; alter table t alter note type text");
  const running = log.start();
  const report = await reportOf(log);
  await running.stop();
  expect(found(report)).toContain("source_edited t:update 1@7");
});

test("a row that is inserted while the slot is moved on is a gap, and a row without an event", async () => {
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
});

test("a lost capture process, with the position forged to hide it, accuses nobody before the next look", async () => {
  const log = await attached();
  await log.sql.unsafe("insert into t values (3, 'c')");
  await log.sql`update audit_chain_position set linked_to = 'FFFF/0'`;
  await sleep(100);
  // The position says that all is linked, and the row is not: whoever forged it is found.
  expect(found(await reportOf(log))).toEqual(["source_unchained t 3"]);
});
