import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attach, type AttachOptions, migrate } from "@scidex/audit-schema";
import { createDatabase, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { expect, onTestFinished } from "vitest";
import { capture, type CaptureOptions } from "../../src/capture/capture.ts";

/** A database whose tables can be followed, and what was said of them. */
export interface Captured {
  readonly sql: Sql;
  readonly database: TestDatabase;
  readonly stateFile: string;
  readonly notices: {
    readonly check: string;
    readonly eventKind: string;
    readonly message: string;
    readonly seq?: bigint;
  }[];
  readonly gaps: string[];
  readonly warnings: string[];
  /** Links all that has been written, and returns how many events that were. */
  readonly once: (options?: Pick<CaptureOptions, "adoptPosition">) => Promise<number>;
  /** Goes on until it is stopped. */
  readonly start: () => { readonly ended: Promise<number>; readonly stop: () => Promise<void> };
  readonly attach: (table: string, options?: AttachOptions) => Promise<void>;
}

/** Ends whoever follows this database's log, and returns how many there were. */
async function endFollowing(sql: Sql): Promise<number> {
  const ended = await sql`
    select pg_terminate_backend(active_pid) from pg_replication_slots where database = current_database() and active`;
  return ended.length;
}

/** The server may take its time to notice that whoever followed has gone. */
async function untilLeft(sql: Sql): Promise<void> {
  const isFollowed = async () =>
    (await sql`select from pg_replication_slots where database = current_database() and active`).length > 0;
  await expect.poll(isFollowed, { timeout: 60_000 }).toBe(false);
}

export async function captured(tables: string): Promise<Captured> {
  const database = await createDatabase({
    template: {
      name: "audit-chain-publisher",
      prepare: async (url) => {
        const client = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
        await migrate(drizzle(client));
        await client.end();
      },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "capture-"));
  const { sql } = database;
  const running = new Map<AbortController, Promise<number>>();
  onTestFinished(async () => {
    for (const controller of running.keys()) controller.abort();
    await Promise.allSettled(running.values());
    // A database with a slot in use cannot be dropped, and a session that was ended takes its time to go.
    await expect.poll(async () => endFollowing(sql), { timeout: 60_000 }).toBe(0);
    await database.drop();
    rmSync(folder, { recursive: true });
  });
  await sql.unsafe(tables);
  const stateFile = join(folder, "capture.state");
  const notices: Captured["notices"] = [];
  const gaps: string[] = [];
  const warnings: string[] = [];
  const run = async (once: boolean, signal: AbortSignal, { adoptPosition = false } = {}): Promise<number> => {
    let events = 0;
    const client = postgres(database.url, { max: 2, fetch_types: false, onnotice: () => {} });
    try {
      await capture(client, {
        stateFile,
        once,
        adoptPosition,
        signal,
        onLinked: (count) => void (events += count),
        onNotice: async (notice) => void notices.push(notice),
        onWarning: (text) => void warnings.push(text),
        onGap: async (gap) => void gaps.push(gap),
      });
    } finally {
      await client.end({ timeout: 1 });
    }
    return events;
  };
  const captured: Captured = {
    sql,
    database,
    stateFile,
    notices,
    gaps,
    warnings,
    once: async (options) => {
      const events = await run(true, new AbortController().signal, options);
      if (running.size === 0) await untilLeft(sql);
      return events;
    },
    start: () => {
      const controller = new AbortController();
      const ended = run(false, controller.signal);
      running.set(controller, ended);
      ended.catch(() => {});
      return {
        ended,
        stop: async () => {
          controller.abort();
          await ended;
          running.delete(controller);
          await untilLeft(sql);
        },
      };
    },
    attach: async (table, options = {}) => {
      await sql`select public.audit_chain_publication(${table}::text::regclass)`;
      await captured.once();
      await attach(drizzle(sql), table, { mode: "stream", ...options });
    },
  };
  return captured;
}
