/** Server, capture and link are killed in turn under load: each row is linked once, and none is lost. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { attach, migrate } from "@scidex/audit-schema";
import { startEmbedded, TEST_SETTINGS } from "@scidex/audit-testkit";
import { verify } from "@scidex/audit-verifier";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { expect, test } from "vitest";
import { expectChained, expectIntact } from "../../../../packages/schema/test/recompute.ts";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
/** How often each is killed. */
const ROUNDS = Number(process.env["AUDIT_KILLS"] ?? 1);

test("server, capture and link are killed in turn, and each row is linked once, whether its commit has waited for the disk or not", async () => {
  const server = await startEmbedded({ settings: { ...TEST_SETTINGS, synchronous_commit: "off" } });
  const folder = mkdtempSync(join(tmpdir(), "killed-"));
  const client = (settings = {}): Sql =>
    postgres(server.url, { max: 4, fetch_types: false, onnotice: () => {}, backoff: () => 0.1, ...settings });
  const said: string[] = [];
  const children: ChildProcess[] = [];
  const startCapture = (...more: string[]) => {
    const child = spawn(
      process.execPath,
      ["--conditions=source", CLI, "capture", "--json", "--state", join(folder, "capture.state"), ...more],
      { env: { PATH: process.env["PATH"], AUDIT_DATABASE_URL: server.url }, stdio: ["ignore", "pipe", "inherit"] },
    );
    child.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString()));
    children.push(child);
    return child;
  };
  try {
    const sql = client();
    await migrate(drizzle(sql));
    await sql.unsafe(
      "create table t (id bigserial primary key, note text); create table c (id int primary key, n int)",
    );
    await sql.unsafe("select audit_chain_publication('t')");
    let process = startCapture();
    const isFollowed = async () =>
      (await sql`select public.audit_chain_is_followed(public.audit_chain_publication('t')) as is`)[0]?.["is"];
    await expect.poll(isFollowed, { timeout: 60_000 }).toBe(true);
    await attach(drizzle(sql), "t", { mode: "stream" });
    await attach(drizzle(sql), "c", { mode: "stream", changes: "track" });
    await sql.unsafe("insert into c select n, 0 from generate_series(1, 4) as n");
    const load = { isOn: true };
    const writers = [1, 2, 3, 4].map(async (writer) => {
      const own = client({ max: 1, connection: { synchronous_commit: writer > 2 ? "on" : "off" } });
      while (load.isOn) {
        // What fails while the server is down may have been committed or not: only the table knows.
        await own
          .unsafe("insert into t (note) select repeat('x', 20) from generate_series(1, 3)")
          .catch(async () => sleep(50));
        await own.unsafe(`update c set n = n + 1 where id = ${writer}`).catch(async () => sleep(50));
        // As much as is linked beside all the kills: with more, the server at last removes what it keeps for us, as it should.
        await sleep(10);
      }
      await own.end({ timeout: 1 });
    });
    const size = async () =>
      (await sql<{ n: number }[]>`select count(*)::int as n from audit_chain`.catch(() => []))[0]?.n ?? 0;
    const grow = async () => {
      const before = await size();
      await expect.poll(size, { timeout: 60_000 }).toBeGreaterThan(before + 50);
    };
    for (let round = 0; round < ROUNDS; round++) {
      await grow();
      await server.kill();
      await server.start();
      await grow();
      process.kill("SIGKILL");
      await once(process, "exit");
      process = startCapture();
      await grow();
      const endInTheDoor = async () =>
        (
          await sql`select pg_terminate_backend(pid) from pg_stat_activity
             where application_name = 'audit-publisher capture' and state = 'active' and query like '%audit_chain_stream%'`
        ).length;
      await expect.poll(endInTheDoor, { timeout: 60_000, interval: 2 }).toBeGreaterThan(0);
      await grow();
    }
    load.isOn = false;
    await Promise.all(writers);
    process.kill("SIGTERM");
    await once(process, "exit");
    const last = startCapture("--once");
    expect((await once(last, "exit"))[0]).toBe(0);
    expect(said.join("").match(/.*(?:capture_gap|refused).*/gu)).toBeNull();
    const [{ rows } = { rows: 0 }] = await sql<{ rows: number }[]>`select count(*)::int as rows from t`;
    expect(await expectChained(sql, "t")).toBe(rows);
    await expectIntact(sql);
    const [{ n } = { n: 0 }] = await sql<{ n: number }[]>`select sum(n)::int as n from c`;
    const [{ updates } = { updates: 0 }] = await sql<
      { updates: number }[]
    >`select count(*)::int as updates from audit_chain where event_kind = 'c:update'`;
    expect(updates).toBe(n);
    const running = startCapture();
    const { report } = await verify(sql, { origin: "none", keys: [], heads: [] }, { allowUnanchored: true });
    running.kill("SIGTERM");
    expect({ status: report.status, unproven: report.unproven }).toEqual({ status: "intact", unproven: [] });
    await sql.end({ timeout: 0 });
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await server.stop();
    rmSync(folder, { recursive: true });
  }
});
