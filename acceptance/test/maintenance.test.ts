import { sqlState } from "@scidex/audit-core";
import { attach, migrate } from "@scidex/audit-schema";
import type { Sql } from "postgres";
import { expect, test } from "vitest";
import { type AuditedDatabase, connect, openAuditedDatabase } from "../src/audited-database.ts";
import { createBusyTables, writeInEveryWay, writeInTwoPhases } from "../src/busy-tables.ts";
import { expectClean } from "../src/expect-clean.ts";
import { openPublishedChain } from "../src/published-chain.ts";
import { rounds } from "../src/rounds.ts";

const WRITERS = 8;

/** What administrators, migrations and releases do to a database in use, each in `n`, the number of the round. */
const CARE: readonly ((database: AuditedDatabase, sql: Sql, n: number) => Promise<unknown>)[] = [
  async (_, sql) => await sql`vacuum full audit_chain`,
  async (_, sql) => await sql`vacuum full audit_chain_pending`,
  async (_, sql, n) =>
    await sql.unsafe(`create table parts_${n} partition of parts for values from (${n * 10}) to (${n * 10 + 5})`),
  async (_, sql) => await sql`vacuum full strict_rows`,
  async (_, sql) => await sql`reindex table audit_chain`,
  async (_, sql) => await sql`alter table strict_rows alter column noise type bigint`,
  async (_, sql) => await sql`reindex table concurrently audit_chain`,
  async (_, sql, n) => {
    await sql.unsafe(`create table parts_late_${n} (like parts including all)`);
    await sql.unsafe(
      `alter table parts attach partition parts_late_${n} for values from (${n * 10 + 5}) to (${n * 10 + 10})`,
    );
  },
  async (_, sql) => await sql`cluster audit_chain using audit_chain_pkey`,
  async (_, sql) => await sql`cluster sealed_rows using sealed_rows_pkey`,
  async (_, sql) => await sql`alter table strict_rows alter column noise type integer`,
  async ({ db }) => await migrate(db),
  async (_, sql) => await sql`alter table tracked_rows alter column noise type text`,
  async ({ db }) => await attach(db, "parts"),
  async (_, sql) => await sql`alter table tracked_rows alter column noise type integer using noise::integer`,
  async (_, sql) => await sql`reindex table concurrently strict_rows`,
];

/** Repeats what was chosen as a deadlock's victim, or did not get its table. */
async function insist(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      if (!["40P01", "55P03"].includes(sqlState(error) ?? "") || attempt > 50) throw error;
    }
  }
}

test("maintenance, migrations and every way to write look like no attack while the verifier runs in a loop", async () => {
  await using database = await openAuditedDatabase();
  await using chain = await openPublishedChain();
  const { sql, url } = database;
  await createBusyTables(sql, database.db);
  expect((await chain.publish(sql)).status).toBe("intact");

  let isDone = false;
  const writers = Array.from({ length: WRITERS }, async (_, w) => await writeInEveryWay(url, `w${w}`, () => isDone));
  const verifications = (async () => {
    while (!isDone) {
      expect((await chain.publish(sql)).divergences).toEqual([]);
      expectClean(await chain.verify(sql));
    }
  })();
  const care = (async () => {
    await using administrator = connect(url);
    const twoPhased: string[] = [];
    for (let n = 1; n <= rounds(2); n++)
      for (const [at, work] of CARE.entries()) {
        await insist(async () => await work(database, administrator, n));
        twoPhased.push(await writeInTwoPhases(url, `two-phase ${n} ${at}`));
      }
    return twoPhased;
  })().finally(() => (isDone = true));
  const [written, , twoPhased] = await Promise.all([Promise.all(writers), verifications, care]).finally(
    () => (isDone = true),
  );

  expect((await chain.publish(sql)).status).toBe("intact");
  const report = await chain.verify(sql);
  expectClean(report);
  expect(report).toMatchObject({ pending: 0n, unanchored: 0n });
  const rows = await sql<
    { id: string }[]
  >`select event_pk as id from audit_chain where event_kind = 'strict_rows' order by 1`;
  expect(rows.map(({ id }) => id)).toEqual([...written.flat(), ...twoPhased].toSorted());
}, 300_000);
