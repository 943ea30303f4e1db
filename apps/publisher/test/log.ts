import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Head,
  headTrust,
  isStatementLine,
  parseHeadLine,
  parseKeyFile,
  type RecordedAnew,
  type Seconds,
  signStatement,
} from "@scidex/audit-core";
import { migrate } from "@scidex/audit-schema";
import { createDatabase, type Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { onTestFinished } from "vitest";
import { generateKeyFiles, publishHead, type PublishOptions, type PublishResult } from "../src/index.ts";
import { formatState, parseState, withStatement } from "../src/state/state.ts";

export const ORIGIN = "example.org/audit-chain";

const chain: Template = {
  name: "audit-chain-publisher",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    await sql.end();
  },
};

/** A database with an empty chain, keys, and a folder for sinks. */
export interface Log {
  readonly sql: Sql;
  readonly url: string;
  readonly folder: string;
  readonly keyFile: string;
  readonly stateFile: string;
  readonly vkeys: readonly string[];
  /** Two files in the folder. */
  readonly sinks: readonly [string, string];
  readonly paths: readonly [string, string];
  append(...keys: string[]): Promise<void>;
  publish(options?: Partial<PublishOptions>): Promise<PublishResult>;
  heads(path?: string): Head[];
  /**
   * Signs a statement after the last head, and leaves the state as a publisher that was killed before it could deliver
   * it; returns its line.
   */
  state(compared?: number, after?: Seconds): string;
  /** Plain SQL with full write authority: no trigger and no guard runs. */
  attack(statements: string): Promise<void>;
}

export async function openLog({ postQuantum = false }: { readonly postQuantum?: boolean } = {}): Promise<Log> {
  const database = await createDatabase({ template: chain });
  onTestFinished(async () => database.drop());
  const folder = mkdtempSync(join(tmpdir(), "audit-publisher-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const keyFile = join(folder, "key");
  const { vkeys } = await generateKeyFiles({ origin: ORIGIN, out: keyFile, postQuantum });
  const paths = [join(folder, "a.log"), join(folder, "b.log")] as const;
  const sinks = [`file:${paths[0]}`, `file:${paths[1]}`] as const;
  const { sql, url } = database;
  return {
    sql,
    url,
    folder,
    keyFile,
    stateFile: `${keyFile}.state`,
    vkeys,
    sinks,
    paths,
    append: async (...keys) => {
      for (const key of keys)
        await sql`select public.audit_chain_append('thing', ${key}, ${createHash("sha256").update(key).digest()})`;
    },
    publish: async (options = {}) => publishHead({ database: sql, keyFile, sinks, ...options }),
    heads: (path = paths[0]) => headsOf(path, vkeys),
    state: (compared = 1, after = 0n) => {
      const state = parseState(readFileSync(`${keyFile}.state`, "utf8"), keyFile);
      const last = state.head === null ? undefined : parseHeadLine(state.head, headTrust(vkeys, ORIGIN));
      const time = (last?.signedTime ?? BigInt(Math.floor(Date.now() / 1_000))) + after;
      const keys = parseKeyFile(readFileSync(keyFile, "utf8"));
      const line = signStatement({ keys, statement: recordedAnew(last, compared), time });
      writeFileSync(`${keyFile}.state`, formatState(withStatement(state, line, sinks)));
      return line;
    },
    attack: async (statements) => {
      await sql.begin(async (tx) => {
        await tx`set local session_replication_role = replica`;
        await tx.unsafe(statements);
      });
    },
  };
}

const headsOf = (path: string, vkeys: readonly string[]): Head[] =>
  linesOf(path)
    .filter((line) => !isStatementLine(line))
    .map((line) => parseHeadLine(line, headTrust(vkeys, ORIGIN)));

/** A statement about a table, made with that head as the last one. */
export function recordedAnew(head: Head | undefined, compared: number): RecordedAnew {
  const last = head ?? { seq: 1n, chainHash: new Uint8Array(32) };
  const link = { seq: last.seq, chainHash: last.chainHash };
  return {
    type: "recorded_anew",
    origin: ORIGIN,
    systemIdentifier: null,
    database: "app",
    kind: "thing",
    configuration: link,
    last: link,
    head: head === undefined ? null : link,
    compared,
    notCompared: 0,
    changesNotCompared: 0,
  };
}

export const linesOf = (path: string): string[] => readFileSync(path, "utf8").split("\n").slice(0, -1);

/** SQL that makes every hash from `from` on fit again, as someone who knows the design would. */
export const recompute = (from: number): string => `
  do $$
  declare r record; prev bytea := coalesce((select chain_hash from public.audit_chain where seq = ${from} - 1), decode(repeat('00', 32), 'hex'));
  begin
    for r in select * from public.audit_chain where seq >= ${from} order by seq loop
      r.event_hash := sha256(convert_to(concat(
        '{"appended_at":"', to_char(r.appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"',
        ',"before_hash":"' || encode(r.before_hash, 'hex') || '"', ',"event_kind":', to_json(r.event_kind), ',"event_pk":', to_json(r.event_pk),
        ',"payload_hash":"', encode(r.payload_hash, 'hex'), '"}'), 'UTF8'));
      r.prev_hash := prev;
      prev := sha256(r.prev_hash || r.event_hash || int8send(r.seq));
      update public.audit_chain set event_hash = r.event_hash, prev_hash = r.prev_hash, chain_hash = prev where seq = r.seq;
    end loop;
  end $$`;

/** A bare repository and a clone of it. */
export function gitRemote(folder: string): { remote: string; clone: string; url: string } {
  const remote = join(folder, "remote.git");
  const clone = join(folder, "clone");
  execFileSync("git", ["init", "--quiet", "--bare", "-b", "main", remote]);
  execFileSync("git", ["clone", "--quiet", remote, clone], { stdio: "ignore" });
  return { remote, clone, url: `git:${clone}?path=head.log&push=origin&branch=main` };
}
