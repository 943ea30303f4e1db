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
/** One of each; `AUDIT_KILLS` for more. */
const ROUNDS = Number(process.env["AUDIT_KILLS"] ?? 2);

test.each(["on", "off"])(`with synchronous_commit = %s`, async (synchronous) => {
  const server = await startEmbedded({ settings: { ...TEST_SETTINGS, synchronous_commit: synchronous } });
  const folder = mkdtempSync(join(tmpdir(), "killed-"));
  const client = (): Sql => postgres(server.url, { max: 4, fetch_types: false, onnotice: () => {} });
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
    await attach(drizzle(sql), "t", { mode: "stream" });
    await attach(drizzle(sql), "c", { mode: "stream", changes: "track" });
    await sql.unsafe("insert into c select n, 0 from generate_series(1, 4) as n");
    const load = { isOn: true };
    const writers = [1, 2, 3, 4].map(async (writer) => {
      const own = postgres(server.url, {
        max: 1,
        fetch_types: false,
        onnotice: () => {},
        backoff: () => 0.1,
        connect_timeout: 5,
      });
      while (load.isOn) {
        // What fails while the server is down may have been committed or not: only the table knows.
        await own
          .unsafe("insert into t (note) select repeat('x', 20) from generate_series(1, 3)")
          .catch(async () => sleep(50));
        await own.unsafe(`update c set n = n + 1 where id = ${writer}`).catch(async () => sleep(50));
      }
      await own.end({ timeout: 1 });
    });
    for (let round = 0; round < ROUNDS; round++) {
      await sleep(800);
      await server.kill();
      await server.start();
      await sleep(800);
      process.kill("SIGKILL");
      await once(process, "exit");
      await sleep(300);
      process = startCapture();
      await sleep(800);
      // A link in the middle: whoever is in the door is ended.
      await client()
        .unsafe(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'audit-publisher capture' and query like '%audit_chain_stream%'",
        )
        .catch(() => {});
    }
    load.isOn = false;
    await Promise.all(writers);
    process.kill("SIGTERM");
    await once(process, "exit");
    const last = startCapture("--once");
    expect((await once(last, "exit"))[0]).toBe(0);
    const look = client();
    const [{ rows } = { rows: 0 }] = await look<{ rows: number }[]>`select count(*)::int as rows from t`;
    expect(rows).toBeGreaterThan(100);
    expect(await expectChained(look, "t")).toBe(rows);
    await expectIntact(look);
    const [{ n } = { n: 0 }] = await look<{ n: number }[]>`select sum(n)::int as n from c`;
    const [{ updates } = { updates: 0 }] = await look<
      { updates: number }[]
    >`select count(*)::int as updates from audit_chain where event_kind = 'c:update'`;
    expect(updates).toBe(n);
    expect(said.join("").match(/capture_gap|refused/gu)).toBeNull();
    const running = startCapture();
    const { report } = await verify(look, { origin: "none", keys: [], heads: [] }, { allowUnanchored: true });
    running.kill("SIGTERM");
    expect({ status: report.status, unproven: report.unproven }).toEqual({ status: "intact", unproven: [] });
    await Promise.all([sql.end({ timeout: 0 }), look.end({ timeout: 0 })]);
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await server.stop();
    rmSync(folder, { recursive: true });
  }
});
