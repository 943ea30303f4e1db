import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  emptyFrontier,
  appendLeaf,
  generateKeyFile,
  type Leaf,
  leafHash,
  leafText,
  parseKeyFile,
  type PublisherKeys,
  signHead,
  type Vkeys,
} from "@scidex/audit-core";
import { migrate } from "@scidex/audit-schema";
import { openSink } from "@scidex/audit-sinks";
import { createDatabase, type Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";
import { expect, onTestFinished } from "vitest";
import { type Trust, type Verification, type VerificationReport, verify, type VerifyOptions } from "../src/index.ts";

export const ORIGIN = "example.org/audit-chain";

const template: Template = {
  name: "audit-chain-verifier",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    await sql.end();
  },
};

export const KEYS: { readonly text: string; readonly vkeys: Vkeys } = generateKeyFile(ORIGIN);

/** A database with a chain, and heads of it in two files. */
export interface ChainDatabase {
  readonly sql: Sql;
  readonly url: string;
  readonly name: string;
  readonly folder: string;
  readonly paths: readonly [string, string];
  readonly vkeys: readonly string[];
  /** Signs the head of the chain as it is, and appends it to the files. */
  publish(options?: PublishOptions): Promise<void>;
  /** Statements with full write authority: no trigger and no guard runs. */
  attack(statements: string): Promise<void>;
  verify(asked?: Asked): Promise<VerificationReport>;
  /** What `verify` is asked about what has been published. */
  readonly asked: Asked;
}

/** The arguments of `verify` in one: a test changes some of them. */
export type Asked = Trust & VerifyOptions;

/** `verify`, with its arguments in one. */
export async function verifyAsked(sql: Sql, asked: Asked): Promise<Verification> {
  const { origin, keys, heads, witnesses, policy, state, ...options } = asked;
  return await verify(sql, { origin, keys, heads, witnesses, policy, state }, options);
}

export interface PublishOptions {
  /** Up to which seq; the whole chain if not given. */
  readonly seq?: bigint;
  /** Seconds since the Unix epoch; now if not given. */
  readonly time?: number;
  readonly paths?: readonly string[];
  readonly keys?: PublisherKeys;
}

export const now = (): number => Math.floor(Date.now() / 1000);

export function newKeys(origin: string): { readonly keys: PublisherKeys; readonly vkeys: readonly string[] } {
  const file = generateKeyFile(origin);
  return { keys: parseKeyFile(file.text), vkeys: file.vkeys };
}

export async function openChain(options: { template?: Template } = {}): Promise<ChainDatabase> {
  const database = await createDatabase({ template: options.template ?? template });
  onTestFinished(async () => await database.drop());
  const folder = mkdtempSync(join(tmpdir(), "audit-verifier-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return chainOf(database, folder);
}

export function chainOf(database: { sql: Sql; url: string; name: string }, folder: string): ChainDatabase {
  const { sql } = database;
  const paths = [join(folder, "a.log"), join(folder, "b.log")] as const;
  const asked: Asked = {
    heads: paths.map((path) => openSink(`file:${path}`)),
    keys: KEYS.vkeys,
    origin: ORIGIN,
    // The structure has tests of its own.
    checks: ["links", "heads", "sources", "coverage"],
  };
  return {
    ...database,
    folder,
    paths,
    vkeys: KEYS.vkeys,
    asked,
    publish: async (how = {}) => {
      const line = await signedHead(sql, how);
      for (const path of how.paths ?? paths) appendFileSync(path, `${line}\n`);
    },
    attack: async (statements) => {
      await sql.begin(async (tx) => {
        await tx`set local session_replication_role = replica`;
        await tx.unsafe(statements);
      });
    },
    verify: async (how = {}) => {
      const all = { now: Date.now(), ...asked, ...how };
      const { report } = await verifyAsked(sql, all);
      // Whatever is found must be what the plain walk finds.
      if (report.divergenceCount > 0)
        expect(comparable((await verifyAsked(sql, { ...all, plain: true })).report)).toEqual(comparable(report));
      return report;
    },
  };
}

/** A report without what depends on the moment. */
export const comparable = (report: VerificationReport) => ({
  ...report,
  startedAt: "",
  durationMs: 0,
  pendingAge: null,
});

/** A head line of the links up to a seq, as an honest publisher signs it. */
export async function signedHead(sql: Sql, options: PublishOptions = {}): Promise<string> {
  const leaves = await readLeaves(sql, options.seq);
  let before = emptyFrontier;
  for (const leaf of leaves.slice(0, -1)) before = appendLeaf(before, leafHash(leafText(leaf)));
  const leaf = leaves.at(-1);
  if (leaf === undefined) throw new Error("nothing to publish");
  return signHead({
    keys: options.keys ?? parseKeyFile(KEYS.text),
    leaf,
    before,
    time: BigInt(options.time ?? now()),
  });
}

async function readLeaves(sql: Sql, seq: bigint | undefined): Promise<Leaf[]> {
  const rows = await sql<
    (Record<"seq" | "kind" | "pk" | "payload" | "chain" | "time", string> & { before: string | null })[]
  >`
    select seq::text, event_kind as kind, event_pk as pk, encode(payload_hash, 'hex') as payload,
           encode(chain_hash, 'hex') as chain, encode(before_hash, 'hex') as before,
           to_char(appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time
      from public.audit_chain where seq <= ${(seq ?? 2n ** 53n).toString()}::bigint order by audit_chain.seq`;
  return rows.map((row) => ({
    seq: BigInt(row.seq),
    eventKind: row.kind,
    eventPk: row.pk,
    payloadHash: Buffer.from(row.payload, "hex"),
    beforeHash: row.before === null ? null : Buffer.from(row.before, "hex"),
    chainHash: Buffer.from(row.chain, "hex"),
    appendedAt: row.time,
  }));
}

/** Appends events without a table. */
export async function append(sql: Sql, kind: string, ...keys: string[]): Promise<void> {
  for (const key of keys)
    await sql`select public.audit_chain_append(${kind}, ${key}, sha256(convert_to(${key}, 'UTF8')))`;
}

/** SQL that makes every hash from `from` on fit again, as someone who knows the design would. */
export const recompute = (from: number): string => `
  do $$
  declare
    r record;
    prev bytea := coalesce((select chain_hash from public.audit_chain where seq < ${from} order by seq desc limit 1), decode(repeat('00', 32), 'hex'));
  begin
    for r in select ctid, * from public.audit_chain where seq >= ${from} order by seq loop
      r.event_hash := sha256(convert_to(concat(
        '{"appended_at":"', to_char(r.appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        '"', ',"before_hash":"' || encode(r.before_hash, 'hex') || '"', ',"event_kind":', to_json(r.event_kind), ',"event_pk":', to_json(r.event_pk),
        ',"payload_hash":"', encode(r.payload_hash, 'hex'), '"}'), 'UTF8'));
      update public.audit_chain
         set prev_hash = prev, event_hash = r.event_hash, chain_hash = sha256(prev || r.event_hash || int8send(r.seq))
       where ctid = r.ctid returning chain_hash into prev;
    end loop;
  end $$;`;

/** SQL that closes the gap at `seq`: everything behind it moves up by one, and fits again. */
export const closeGap = (seq: number): string => `
  do $$ declare s bigint; begin
    for s in select c.seq from public.audit_chain as c where c.seq > ${seq} order by c.seq loop
      update public.audit_chain set seq = s - 1 where seq = s;
    end loop;
  end $$;
  ${recompute(seq)}`;

/** SQL that appends a link whose hashes fit. */
export const forge = (kind: string, pk: string, hash = "sha256('forged')", time = "clock_timestamp()"): string => `
  insert into public.audit_chain
    select coalesce(max(seq), 0) + 1, '${kind}', '${pk}', ${hash}, sha256(''), sha256(''), sha256(''), null, ${time} from public.audit_chain;
  do $$ begin ${"" /* the suffix of one */} end $$;
  ${recompute(0).replace("seq >= 0", "seq = (select max(seq) from public.audit_chain)").replace("seq < 0", "seq < (select max(seq) from public.audit_chain)")}`;

export const linesOf = (path: string): string[] => readFileSync(path, "utf8").split("\n").slice(0, -1);
export const writeLines = (path: string, lines: readonly string[]): void =>
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
