import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Link, nextLink, payloadHash, toHex } from "@scidex/audit-core";
import { migrate } from "@scidex/audit-schema";
import { createDatabase, type Template, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { expect } from "vitest";

const CHAIN: Template = {
  name: "backfill-chain",
  prepare: async (url) => {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await migrate(drizzle(sql));
    await sql.end();
  },
};

/** A database with the audit chain in it. */
export const chainDatabase = (): Promise<TestDatabase> => createDatabase({ template: CHAIN });

interface LinkRow {
  seq: string;
  event_kind: string;
  event_pk: string;
  payload_hash: Buffer;
  event_hash: Buffer;
  prev_hash: Buffer;
  chain_hash: Buffer;
  before_hash: Buffer | null;
  appended_at: string;
}

/** Reads the chain and recomputes every link with core. */
export async function intactChain(sql: Sql): Promise<Link[]> {
  const rows = await sql<LinkRow[]>`
    select seq::text, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash,
           to_char(appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as appended_at
      from audit_chain order by audit_chain.seq`;
  let before: Link | null = null;
  return rows.map((row) => {
    const link: Link = nextLink(before, {
      eventKind: row.event_kind,
      eventPk: row.event_pk,
      payloadHash: new Uint8Array(row.payload_hash),
      beforeHash: row.before_hash,
      appendedAt: row.appended_at,
    });
    expect([row.seq, toHex(row.chain_hash)]).toEqual([String(link.seq), toHex(link.chainHash)]);
    before = link;
    return link;
  });
}

/** The keys chained under a kind, in order. */
export async function chainedKeys(sql: Sql, kind: string): Promise<string[]> {
  return (await intactChain(sql)).filter((link) => link.eventKind === kind).map((link) => link.eventPk);
}

/** What a configuration covers, as the tests state it themselves. */
export interface Covered {
  readonly kind: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  readonly from?: string;
}

/**
 * Recomputes every row from its columns' text with core, and holds it against the newest event of its key: nothing
 * unchained, nothing chained twice, nothing chained that is not there.
 */
export async function expectCovered(sql: Sql, { kind, key, columns, from = kind }: Covered): Promise<void> {
  const rows = await sql.begin(async (tx) => {
    await tx.unsafe(`set local timezone = 'UTC'; set local datestyle = 'ISO'; set local intervalstyle = 'postgres';
      set local bytea_output = 'hex'; set local extra_float_digits = 1`);
    const texts = columns.map((name) => `case when "${name}" is not null then concat("${name}") end as "${name}"`);
    return await tx.unsafe<Record<string, string | null>[]>(`select ${texts.join(", ")} from ${from}`);
  });
  const expected = new Map(
    rows.map((row) => {
      const texts = key.map((name) => String(row[name]));
      const present = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
      return [texts.length === 1 ? String(texts[0]) : JSON.stringify(texts), toHex(payloadHash(present))];
    }),
  );
  expect(newestEvents(await intactChain(sql), kind)).toEqual(expected);
  const [pending] = await sql`select count(*)::int as n from audit_chain_pending`;
  expect(pending?.["n"]).toBe(0);
}

/** Each change must say what the key's event before it has left; of a row that was there before, the first one need not. */
function newestEvents(links: readonly Link[], kind: string): Map<string, string> {
  const newest = new Map<string, string>();
  const seen = new Set<string>();
  for (const { eventKind, eventPk, payloadHash: hash, beforeHash: before, seq } of links) {
    if (eventKind === kind) {
      // Its first event may also be the deletion of a row that was there before; then this is the first insert after that.
      expect([eventPk, newest.has(eventPk)]).toEqual([eventPk, false]);
      seen.add(eventPk);
      newest.set(eventPk, toHex(hash));
    }
    if (!eventKind.startsWith(`${kind}:`)) continue;
    expect(eventPk.endsWith(`@${seq}`)).toBe(true);
    const key = eventPk.slice(0, -`@${seq}`.length);
    if (seen.has(key)) expect([eventPk, before && toHex(before)]).toEqual([eventPk, newest.get(key) ?? null]);
    seen.add(key);
    if (eventKind === `${kind}:delete`) newest.delete(key);
    else newest.set(key, toHex(hash));
  }
  return newest;
}

const CLI = fileURLToPath(new URL("../src/cli.ts", import.meta.url));

export interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the command as a process. */
export function start(url: string, args: readonly string[]): { pid: number; kill(): void; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ["--conditions=source", CLI, ...args], {
    env: { ...process.env, AUDIT_DATABASE_URL: url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
  const ended = new Promise<Ended>((resolve) => child.on("close", (exit) => resolve({ exit, stdout, stderr })));
  return { pid: child.pid ?? 0, kill: () => void child.kill("SIGKILL"), ended };
}

/** Runs the command to its end. */
export const run = (url: string, ...args: string[]): Promise<Ended> => start(url, args).ended;
