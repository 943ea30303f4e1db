import { startEmbedded, toDatabase } from "@scidex/audit-testkit";
import type { Sql } from "postgres";
import { expect, onTestFinished, test } from "vitest";
import { connect, openAuditedDatabase } from "../src/audited-database.ts";
import { createBusyTables, writeInEveryWay } from "../src/busy-tables.ts";
import { expectClean } from "../src/expect-clean.ts";
import { openPublishedChain } from "../src/published-chain.ts";
import { startReplica } from "../src/replica.ts";

test("a replica that had replayed the last published head verifies clean, and goes on as the primary when it is promoted", async () => {
  await using primary = await startEmbedded();
  // Not dropped at the end: its server is dead by then.
  const database = await openAuditedDatabase(primary);
  onTestFinished(async () => await database.sql.end({ timeout: 1 }));
  await using chain = await openPublishedChain();
  await createBusyTables(database.sql, database.db);
  await using replica = await startReplica(primary);
  const url = toDatabase(replica.url, database.name);
  await using sql = connect(url, { max: 2 });

  await Promise.all([1, 2].map(async (w) => await writeInEveryWay(database.url, `w${w}`, () => true)));
  expect((await chain.publish(database.sql)).status).toBe("intact");
  const replayed = async (): Promise<boolean> => {
    const [there] = await database.sql<{ lsn: string }[]>`select pg_current_wal_flush_lsn()::text as lsn`;
    const [here] = await sql<
      { done: boolean }[]
    >`select pg_last_wal_replay_lsn() >= ${String(there?.lsn)}::pg_lsn as done`;
    return here?.done === true;
  };
  await expect.poll(replayed, { timeout: 30_000 }).toBe(true);
  expectClean(await chain.verify(sql));
  await expect(chain.publish(sql)).rejects.toMatchObject({ code: "database" });

  await primary.kill();
  await sql`select pg_promote()`;
  expectClean(await chain.verify(sql));
  await writeInEveryWay(url, "promoted", () => true);
  expect((await chain.publish(sql)).status).toBe("intact");
  const report = await chain.verify(sql);
  expectClean(report);
  expect(report).toMatchObject({ pending: 0n, unanchored: 0n });
});

test("a replica that lags behind the newest published head is unproven with the cause named; once it is the primary, what it lacks is a cut", async () => {
  await using primary = await startEmbedded();
  const database = await openAuditedDatabase(primary);
  onTestFinished(async () => await database.sql.end({ timeout: 1 }));
  await using chain = await openPublishedChain();
  await createBusyTables(database.sql, database.db);
  await using replica = await startReplica(primary);
  await using sql = connect(toDatabase(replica.url, database.name), { max: 2 });
  const wal = async (on: Pick<Sql, "unsafe">, what: string): Promise<string> =>
    String((await on.unsafe<{ lsn: string }[]>(`select ${what}::text as lsn`))[0]?.lsn);
  const replayed = async (): Promise<boolean> => {
    const there = await wal(database.sql, "pg_current_wal_flush_lsn()");
    return (await wal(sql, `(pg_last_wal_replay_lsn() >= '${there}')`)) === "true";
  };
  await writeInEveryWay(database.url, "w1", () => true);
  expect((await chain.publish(database.sql)).status).toBe("intact");
  await expect.poll(replayed, { timeout: 30_000 }).toBe(true);
  expectClean(await chain.verify(sql));

  await sql`select pg_wal_replay_pause()`;
  await expect.poll(async () => await wal(sql, "pg_get_wal_replay_pause_state()"), { timeout: 30_000 }).toBe("paused");
  await writeInEveryWay(database.url, "w2", () => true);
  expect((await chain.publish(database.sql)).status).toBe("intact");
  const lagging = await chain.verify(sql);
  expect(lagging).toMatchObject({ status: "unproven", divergences: [], divergenceCount: 0 });
  expect(lagging.checks).toMatchObject({ heads: "unproven", links: "ok", sources: "ok" });
  expect(lagging.unproven).toMatchObject([expect.stringMatching(/standby .* lags behind: it has \d+ links/)]);

  // What it does have must be what was published.
  await primary.kill();
  await sql`select pg_wal_replay_resume()`;
  // Not waited for in its own statement, whose snapshot would hold up what is still to be replayed.
  await sql`select pg_promote(wait => false)`;
  await expect.poll(async () => await wal(sql, "pg_is_in_recovery()"), { timeout: 30_000 }).toBe("false");
  const [last] = await sql<{ seq: number }[]>`select max(seq)::int as seq from public.audit_chain`;
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`delete from public.audit_chain where seq > ${(last?.seq ?? 0) - 3}`;
  });
  const cut = await chain.verify(sql);
  expect(cut).toMatchObject({ status: "tampered", checks: { heads: "failed" } });
  expect(cut.divergences.find(({ check }) => check === "truncated")?.message).toMatch(/backup .*audit-publisher begin/);
});
