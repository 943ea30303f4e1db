import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { attach } from "@scidex/audit-schema";
import { type EmbeddedServer, startEmbedded } from "@scidex/audit-testkit";
import { expect, onTestFinished, test } from "vitest";
import { type AuditedDatabase, openAuditedDatabase } from "../src/audited-database.ts";
import { expectClean } from "../src/expect-clean.ts";
import { openPublishedChain } from "../src/published-chain.ts";
import { rounds } from "../src/rounds.ts";
import type { PlatformMessage } from "./processes/platform.ts";

/** Of the server and of the sealer; the server twice as often. */
const CRASHES = rounds(24);
const TABLES = ["strict_rows", "sealed_rows", "tracked_rows"] as const;

/** After a crash PostgreSQL syncs each of some thousand files: two seconds each time, where the kernel can do all at once. */
const SETTINGS = { fsync: "on", ...(process.platform === "linux" ? { recovery_init_sync_method: "syncfs" } : {}) };

function start(name: string, ...args: string[]): ChildProcess {
  const child = fork(fileURLToPath(new URL(`processes/${name}.ts`, import.meta.url)), args, {
    execArgv: ["--conditions=source"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  if (child.exitCode !== null || !child.kill("SIGKILL"))
    throw new Error(`a process ended by itself: ${child.exitCode}`);
  await ended;
}

async function prepare(server: EmbeddedServer): Promise<AuditedDatabase> {
  const database = await openAuditedDatabase(server);
  for (const table of TABLES) {
    await database.sql`create table ${database.sql(table)} (id text primary key, body text)`;
    const mode = table === "strict_rows" ? "strict" : "sealed";
    await attach(database.db, table, { mode, changes: table === "tracked_rows" ? "track" : "refuse" });
  }
  return database;
}

test(`${CRASHES} crashes of server and sealer under load lose nothing that was acknowledged, and look like no attack`, async () => {
  await using server = await startEmbedded({ settings: SETTINGS });
  await using database = await prepare(server);
  await using chain = await openPublishedChain();
  const { sql } = database;

  const platform = start("platform", database.url, chain.keyFile, chain.sink);
  const safe = new Map<string, Set<string>>(TABLES.map((table) => [table, new Set()]));
  let hasty = 0;
  let progress = 0;
  const published = new Set<number>();
  const unexpected: string[] = [];
  platform.on("message", (message: PlatformMessage) => {
    progress++;
    if ("unexpected" in message) unexpected.push(message.unexpected);
    else if ("published" in message) published.add(message.published);
    else if (message.acknowledged.isHasty) hasty++;
    else for (const table of message.acknowledged.tables) safe.get(table)?.add(message.acknowledged.key);
  });
  /** Until writers and publisher are at work again, and then a moment that is not always the same. */
  const underLoad = async () => {
    const before = progress;
    while (progress < before + 20 && unexpected.length === 0) await sleep(5);
    await sleep(Math.random() * 100);
  };

  let sealer = start("endless-sealer", database.url);
  await once(sealer, "message");
  for (let crash = 1; crash <= CRASHES; crash++) {
    await underLoad();
    if (crash % 3 === 0) {
      await kill(sealer);
      sealer = start("endless-sealer", database.url);
      await once(sealer, "message");
    } else {
      await server.kill();
      await server.start();
    }
    if (crash % 10 === 0) expectClean(await chain.verify(sql));
    expect(unexpected).toEqual([]);
  }
  platform.send("stop");
  await once(platform, "exit");
  await kill(sealer);
  expect(unexpected).toEqual([]);

  expect((await chain.publish(sql)).status).toBe("intact");
  const report = await chain.verify(sql);
  expectClean(report);
  expect(report).toMatchObject({ pending: 0n, unanchored: 0n, eventsWithoutSource: 0n });
  expect(published.size).toBeGreaterThan(CRASHES / 2);
  expect(hasty).toBeGreaterThan(CRASHES);
  for (const table of TABLES) {
    const rows = await sql<{ id: string }[]>`select id from ${sql(table)}`;
    const links = await sql<{ id: string }[]>`select event_pk as id from audit_chain where event_kind = ${table}`;
    const there = new Set(rows.map(({ id }) => id));
    expect(new Set(links.map(({ id }) => id))).toEqual(there);
    expect([...(safe.get(table) ?? [])].filter((id) => !there.has(id))).toEqual([]);
    expect(safe.get(table)?.size).toBeGreaterThan(CRASHES);
  }
}, 600_000);
