import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { BenchDatabase } from "../database.ts";
import { peakOf, processorTime } from "./processor-time.ts";

const BUILT = fileURLToPath(new URL("../../../apps/publisher/dist/cli.js", import.meta.url));
const SOURCE = fileURLToPath(new URL("../../../apps/publisher/src/cli.ts", import.meta.url));

/** Processor time of the server's sender, of the capture process itself, and of its other sessions, in nanoseconds. */
export interface PathTime {
  readonly sender: number;
  readonly own: number;
  readonly door: number;
}

/** `audit-publisher capture` as a process of its own, on a database of the benchmark's. */
export class CaptureProcess {
  readonly #db: BenchDatabase;
  readonly #folder = mkdtempSync(join(tmpdir(), "audit-bench-"));
  #child: ChildProcess | undefined;

  constructor(db: BenchDatabase) {
    this.#db = db;
  }

  /** Whether the built package is run: source code takes a compiler with it. */
  get isBuilt(): boolean {
    return existsSync(BUILT);
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) return;
    const command = this.isBuilt ? [BUILT] : ["--conditions=source", SOURCE];
    const child = spawn(
      process.execPath,
      [...command, "capture", "--state", join(this.#folder, "capture.state"), "--json"],
      { env: { PATH: process.env["PATH"], AUDIT_DATABASE_URL: this.#db.url }, stdio: ["ignore", "ignore", "inherit"] },
    );
    this.#child = child;
    for (;;) {
      if (child.exitCode !== null) throw new Error(`audit-publisher capture ended with ${child.exitCode}`);
      if ((await this.#serverSide()).length > 1) return;
      await sleep(20);
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
    while ((await this.#serverSide()).length > 0) await sleep(10);
  }

  /** Stops it, and removes its slot: a database that has one cannot be dropped. */
  async end(): Promise<void> {
    await this.stop();
    await this.#db
      .sql`select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()`;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Since they began. */
  async processorTime(): Promise<PathTime> {
    const backends = await this.#serverSide();
    const sum = (type: "walsender" | "client backend"): number =>
      backends.filter((backend) => backend.type === type).reduce((time, { pid }) => time + processorTime(pid), 0);
    return { own: processorTime(this.#pid), sender: sum("walsender"), door: sum("client backend") };
  }

  /** The most memory that the process has had since its start, in megabytes. */
  get peakMemory(): number {
    return peakOf(this.#pid);
  }

  get #pid(): number {
    if (this.#child?.pid === undefined) throw new Error("audit-publisher capture is not running");
    return this.#child.pid;
  }

  /** Its sessions; the sender is there last. */
  async #serverSide() {
    return await this.#db.sql<{ pid: number; type: "walsender" | "client backend" }[]>`
      select a.pid, a.backend_type as type from pg_stat_activity as a
       where a.datname = current_database() and a.application_name = 'audit-publisher capture'
         and exists (select from pg_replication_slots as s where s.database = current_database() and s.active)`;
  }
}
