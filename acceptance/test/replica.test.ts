import { chmodSync, chownSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type EmbeddedServer, startEmbedded, toDatabase } from "@scidex/audit-testkit";
import { expect, onTestFinished, test } from "vitest";
import { connect, openAuditedDatabase } from "../src/audited-database.ts";
import { createBusyTables, writeInEveryWay } from "../src/busy-tables.ts";
import { expectClean } from "../src/expect-clean.ts";
import { openPublishedChain } from "../src/published-chain.ts";

/** A streaming replica of a server, made from a copy of its files while it is down for a moment. */
async function startReplica(primary: EmbeddedServer): Promise<EmbeddedServer> {
  // Beside the primary's folder, which the account that runs PostgreSQL can reach.
  const folder = mkdtempSync(join(dirname(dirname(primary.dataDir)), "audit-acceptance-replica-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o711);
  const dataDir = join(folder, "data");
  await primary.shutdown();
  cpSync(primary.dataDir, dataDir, { recursive: true, preserveTimestamps: true });
  const { uid, gid } = statSync(primary.dataDir);
  await primary.start();
  const { password, port } = new URL(primary.url);
  writeFileSync(join(dataDir, "standby.signal"), "");
  for (const path of ["", ...readdirSync(dataDir, { recursive: true, encoding: "utf8" })])
    chownSync(join(dataDir, path), uid, gid);
  chmodSync(dataDir, 0o700);
  return await startEmbedded({
    dataDir,
    settings: { primary_conninfo: `host=127.0.0.1 port=${port} user=postgres password=${password}` },
  });
}

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
