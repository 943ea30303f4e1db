import { readFileSync, statSync, writeFileSync } from "node:fs";
import {
  appendLeaf,
  FrontierBuilder,
  frontierRoot,
  leafHash,
  leafText,
  parseKeyFile,
  signHead,
  toHex,
} from "@scidex/audit-core";
import type { Finding } from "@scidex/audit-reader";
import { createLogin } from "@scidex/audit-testkit";
import postgres from "postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import { sealPending } from "../../src/index.ts";
import { withPublisherLock } from "../../src/publish/publisher-lock.ts";
import { readIncrement } from "../../src/publish/increment/read-increment.ts";
import { flushWrites } from "../../src/publish/server.ts";
import { formatState, parseState, withSignedLine } from "../../src/state/state.ts";
import { linesOf, type Log, openLog, ORIGIN, recompute } from "../log.ts";

const later = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_001));

describe("publishing", () => {
  it("appends a head that can be verified to every sink", async () => {
    const log = await openLog();
    await log.append("1", "2", "3");
    const result = await log.publish();
    expect(result).toMatchObject({ status: "intact", rows: 3, divergences: [], published: { seq: 3n } });
    const [head, ...more] = log.heads();
    expect(more).toEqual([]);
    const [row] = await log.sql`select encode(chain_hash, 'hex') as hash from public.audit_chain where seq = 3`;
    expect(head).toMatchObject({ seq: 3n, publishedAt: result.published?.publishedAt });
    expect(toHex(head?.chainHash ?? new Uint8Array())).toBe(row?.["hash"]);
    expect(readFileSync(log.paths[1], "utf8")).toBe(readFileSync(log.paths[0], "utf8"));
    expect(statSync(log.stateFile).mode & 0o777).toBe(0o600);
  });

  it("extends the tree that it signed before, and repeats the head with a new time when nothing is new", async () => {
    const log = await openLog();
    for (let n = 1; n <= 9; n += 1) await log.append(String(n));
    await log.publish();
    await log.append("10", "11", "12", "13");
    await log.publish();
    await later();
    await log.publish();
    const heads = log.heads();
    expect(heads.map(({ seq }) => seq)).toEqual([9n, 13n, 13n]);
    expect(heads[2]?.root).toEqual(heads[1]?.root);
    expect(heads[2]?.signedTime).toBeGreaterThan(heads[1]?.signedTime ?? 0n);
    // The whole chain at once.
    expect(await rootOf(log)).toEqual(heads[2]?.root);
  });

  it("says that there is nothing to publish while the chain is empty", async () => {
    const log = await openLog();
    expect(await log.publish()).toMatchObject({ status: "intact", published: null, rows: 0 });
    await log.append("1");
    expect(await log.publish()).toMatchObject({ status: "intact", published: { seq: 1n } });
  });

  it("seals first", async () => {
    const log = await openLog();
    await log.sql`select public.audit_chain_enqueue('thing', k::text, sha256(k::text::bytea)) from generate_series(1, 25) k`;
    expect(await log.publish()).toMatchObject({
      status: "intact",
      sealed: 25,
      pending: 0,
      rows: 25,
      published: { seq: 25n },
    });
  });

  it("fails when rows wait unsealed for too long", async () => {
    const log = await openLog();
    await log.append("1");
    await log.sql`select public.audit_chain_enqueue('thing', '2', sha256('2'))`;
    await log.attack(`update public.audit_chain_pending set staged_at = staged_at - interval '2 hours';
      revoke execute on function public.audit_chain_seal(integer) from scidex_audit_publisher`);
    const login = await createLogin(log.sql, { grant: ["scidex_audit_publisher"] });
    const database = postgres(login.url, { max: 3, fetch_types: false, onnotice: () => {} });
    onTestFinished(async () => database.end());
    await expect(log.publish({ database })).rejects.toMatchObject({ code: "pending_too_old" });
    expect(await log.publish({ database, maxPendingAgeMs: 86_400_000 })).toMatchObject({
      status: "intact",
      pending: 1,
      warnings: expect.arrayContaining([expect.stringContaining("may not seal")]),
    });
  });

  it("needs no more rights than those of scidex_audit_publisher", async () => {
    const log = await openLog();
    await log.append("1");
    await log.sql`select public.audit_chain_enqueue('thing', '2', sha256('2'))`;
    const login = await createLogin(log.sql, { grant: ["scidex_audit_publisher"] });
    const database = postgres(login.url, { max: 3, fetch_types: false, onnotice: () => {} });
    onTestFinished(async () => database.end());
    expect(await log.publish({ database })).toMatchObject({ status: "intact", sealed: 1, published: { seq: 2n } });
  });

  it("makes sure that what it has read will survive a crash before it signs", async () => {
    const log = await openLog();
    const { sql } = log;
    for (let n = 0; n < 20; n += 1) {
      const lsn = await sql.begin(async (tx) => {
        await tx`set local synchronous_commit = off`;
        await tx`select public.audit_chain_append('thing', ${String(n)}, sha256('x'))`;
        const [at] = await tx<{ lsn: string }[]>`select pg_current_wal_insert_lsn()::text as lsn`;
        return at?.lsn ?? "";
      });
      await flushWrites(sql);
      const [row] = await sql`select pg_current_wal_flush_lsn() > ${lsn}::pg_lsn as flushed`;
      expect(row?.["flushed"]).toBe(true);
    }
  });

  it("does not sign an earlier time than it has signed before", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    const state = parseState(readFileSync(log.stateFile, "utf8"), "");
    const keys = parseKeyFile(readFileSync(log.keyFile, "utf8"));
    const { leaf, proof, seq } = first(log.heads());
    const time = BigInt(Math.floor(Date.now() / 1_000)) + 600n;
    const line = signHead({ keys, leaf, before: { size: seq - 1n, hashes: proof.toReversed() }, time });
    writeFileSync(log.stateFile, formatState(withSignedLine(state, line, log.sinks)));
    await expect(log.publish()).rejects.toMatchObject({ code: "clock" });
  });

  it("refuses a table that is not the chain any more", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    await log.sql.unsafe(
      "alter table public.audit_chain rename to hidden; create view public.audit_chain as select * from public.hidden",
    );
    await expect(log.publish()).rejects.toMatchObject({ code: "database", message: expect.stringContaining("plain") });
    await log.sql.unsafe("drop view public.audit_chain");
    await expect(log.publish()).rejects.toMatchObject({
      code: "database",
      message: expect.stringContaining("no table"),
    });
  });

  it("ends well when two publishers run at once: every head is in every sink exactly once", async () => {
    const log = await openLog();
    await log.append("1");
    for (let round = 0; round < 3; round += 1) {
      const results = await Promise.all([log.publish(), log.publish(), log.publish()]);
      expect(results.map(({ status }) => status)).toEqual(["intact", "intact", "intact"]);
      await log.append(`round ${round}`);
    }
    const lines = linesOf(log.paths[0]);
    expect(new Set(lines).size).toBe(lines.length);
    expect(linesOf(log.paths[1])).toEqual(lines);
  });

  it("says so when another publisher does not end", async () => {
    const log = await openLog();
    await log.append("1");
    await withPublisherLock(log.sql, ORIGIN, { waitMs: 0, signal: undefined }, async () => {
      await expect(log.publish({ waitMs: 300 })).rejects.toMatchObject({ code: "busy" });
    });
    expect(await log.publish()).toMatchObject({ status: "intact" });
  });
});

describe("a chain that does not extend what was signed", () => {
  const published = async (): Promise<Log> => {
    const log = await openLog();
    await log.append("1", "2", "3", "4", "5", "6");
    await log.publish();
    await later();
    return log;
  };

  it.each([
    ["the tail is cut", "delete from public.audit_chain where seq > 4", { check: "truncated", seq: 5n }],
    ["everything is gone", "truncate public.audit_chain", { check: "truncated", seq: 1n }],
    [
      "the last row that was signed is gone, and others came",
      `insert into public.audit_chain select 7, event_kind, 'x', payload_hash, event_hash, chain_hash, chain_hash, before_hash, appended_at from public.audit_chain where seq = 6; delete from public.audit_chain where seq = 6`,
      { check: "gap", seq: 6n },
    ],
    [
      "a row is changed and all after it recomputed",
      `update public.audit_chain set payload_hash = sha256('evil') where seq = 3; ${recompute(3)}`,
      { check: "head_mismatch", fromSeq: 1n, toSeq: 6n },
    ],
    [
      "the last signed row says that it changed another row, and is recomputed",
      `update public.audit_chain set before_hash = sha256('x') where seq = 6; ${recompute(6)}`,
      { check: "head_mismatch", toSeq: 6n },
    ],
    [
      "the whole chain is rewritten",
      `update public.audit_chain set payload_hash = sha256(payload_hash); ${recompute(1)}`,
      { check: "head_mismatch", toSeq: 6n },
    ],
    [
      "a row is dropped, the rest renumbered and recomputed",
      `delete from public.audit_chain where seq = 2; update public.audit_chain set seq = seq + 1000 where seq > 2; update public.audit_chain set seq = seq - 1001 where seq > 1000; ${recompute(1)}`,
      { check: "truncated", seq: 6n },
    ],
    [
      "the last rows that were signed are gone, and others came",
      `insert into public.audit_chain select 7, event_kind, 'x', payload_hash, event_hash, chain_hash, chain_hash, before_hash, appended_at from public.audit_chain where seq = 6; delete from public.audit_chain where seq in (5, 6)`,
      { check: "gap", seq: 5n },
    ],
    [
      "the last signed row has another event_hash, which its leaf does not show",
      "update public.audit_chain set event_hash = sha256('x') where seq = 6",
      { check: "event_hash", seq: 6n },
    ],
    [
      "the last signed row is changed by itself",
      "update public.audit_chain set event_pk = 'other' where seq = 6",
      { check: "event_hash", seq: 6n },
    ],
  ])("is not signed: %s", async (_, statements, finding) => {
    const log = await published();
    const before = [readFileSync(log.stateFile, "utf8"), readFileSync(log.paths[0], "utf8")];
    await log.attack(statements);
    const result = await log.publish();
    expect(result).toMatchObject({
      status: "tampered",
      published: null,
      divergenceCount: 1,
      firstDivergence: finding,
    });
    expect([readFileSync(log.stateFile, "utf8"), readFileSync(log.paths[0], "utf8")]).toEqual(before);
  });

  it("is not signed when honest traffic has used the cut seqs again", async () => {
    const log = await published();
    await log.attack("delete from public.audit_chain where seq > 3");
    await log.append("a", "b", "c", "d");
    expect(await log.publish()).toMatchObject({
      status: "tampered",
      firstDivergence: { check: "head_mismatch", toSeq: 6n },
    });
  });

  it.each([
    ["event_kind", "event_kind = 'other'", "event_hash"],
    ["event_pk", "event_pk = 'other'", "event_hash"],
    ["payload_hash", "payload_hash = sha256('x')", "event_hash"],
    ["before_hash", "before_hash = sha256('x')", "event_hash"],
    ["event_hash", "event_hash = sha256('x')", "event_hash"],
    ["prev_hash", "prev_hash = sha256('x')", "prev_hash"],
    ["chain_hash", "chain_hash = sha256('x')", "chain_hash"],
    ["appended_at", "appended_at = appended_at + interval '1 microsecond'", "event_hash"],
    ["seq", "seq = 80", "gap"],
  ])("is not signed when a new row has another %s", async (_, change, check) => {
    const log = await published();
    await log.append("7", "8", "9");
    await log.attack(`update public.audit_chain set ${change} where seq = 8`);
    expect(await log.publish()).toMatchObject({ status: "tampered", firstDivergence: { check, seq: 8n } });
  });

  it.each([
    ["an hour ahead", "clock_timestamp() + interval '1 hour'"],
    ["an hour before the last link that was signed", "clock_timestamp() - interval '1 hour'"],
  ])("is not signed when a well-formed row has a false time, %s", async (_, time) => {
    const log = await published();
    await log.append("7");
    await log.attack(`update public.audit_chain set appended_at = ${time} where seq = 7; ${recompute(7)}`);
    // Not by a finding: it cannot be told from a server whose clock was wrong, and the verifier reports the row.
    await expect(log.publish()).rejects.toMatchObject({
      code: "clock",
      message: expect.stringMatching(/link 7 .*seq 7, thing 7.*clock of the database's server was wrong/s),
    });
    expect(log.heads()).toHaveLength(1);
  });

  it("is not signed when a well-formed row has a false time, a day before it was signed that there was none", async () => {
    const log = await openLog();
    await log.append("1");
    await log.attack(
      `update public.audit_chain set appended_at = clock_timestamp() - interval '9 days'; ${recompute(1)}`,
    );
    await log.publish();
    await log.append("2");
    await log.attack(
      `update public.audit_chain set appended_at = clock_timestamp() - interval '2 days' where seq = 2; ${recompute(2)}`,
    );
    await expect(log.publish()).rejects.toMatchObject({ code: "clock", message: expect.stringContaining("link 2 ") });
    expect(log.heads()).toHaveLength(1);
  });

  it("is not signed when the constraints are gone and the rows hold anything", async () => {
    const log = await published();
    await log.append("7", "8");
    await log.sql.unsafe(
      "alter table public.audit_chain drop constraint audit_chain_hash_check, drop constraint audit_chain_pkey, alter payload_hash drop not null",
    );
    await log.attack("update public.audit_chain set payload_hash = null where seq = 8");
    expect(await log.publish()).toMatchObject({
      status: "tampered",
      firstDivergence: { check: "event_hash", seq: 8n },
    });
    await log.attack("update public.audit_chain set chain_hash = 'short' where seq = 7");
    expect(await log.publish()).toMatchObject({
      status: "tampered",
      firstDivergence: { check: "chain_hash", seq: 7n },
    });
    await log.attack(
      "insert into public.audit_chain select seq, event_kind, 'twice', payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at from public.audit_chain where seq = 6",
    );
    expect(await log.publish()).toMatchObject({ status: "tampered", firstDivergence: { check: "duplicate", seq: 6n } });
  });
});

describe("a chain that is longer than what is read at once", () => {
  const long = async (): Promise<Log> => {
    const log = await openLog();
    await log.sql`select public.audit_chain_enqueue('thing', k::text, sha256(k::text::bytea)) from generate_series(1, 20100) k`;
    await sealPending(log.sql);
    return log;
  };

  it("is signed as a whole", async () => {
    const log = await long();
    expect(await log.publish()).toMatchObject({ status: "intact", rows: 20_100, published: { seq: 20_100n } });
    const tree = new FrontierBuilder();
    for (const row of await log.sql<{ leaf: string }[]>`
      select concat('{"appended_at":"', to_char(appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        '","chain_hash":"', encode(chain_hash, 'hex'), '","event_kind":', to_json(event_kind), ',"event_pk":', to_json(event_pk),
        ',"payload_hash":"', encode(payload_hash, 'hex'), '","seq":', seq, '}') as leaf from public.audit_chain order by seq`)
      tree.append(leafHash(row.leaf));
    expect(log.heads()[0]?.root).toEqual(tree.root());
  });

  it("is not signed when a link is there twice where one part ends", async () => {
    const log = await long();
    await log.sql.unsafe("alter table public.audit_chain drop constraint audit_chain_pkey");
    await log.attack(
      "insert into public.audit_chain select seq, event_kind, 'twice', payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at from public.audit_chain where seq = 10000",
    );
    expect(await log.publish()).toMatchObject({
      status: "tampered",
      firstDivergence: { check: "duplicate", seq: 10_000n },
    });
  });

  it("is not signed when it is stopped in between", async () => {
    const log = await long();
    const stop = new AbortController();
    const onProgress = (): void => stop.abort();
    await expect(log.publish({ signal: stop.signal, onProgress })).rejects.toMatchObject({ code: "aborted" });
    expect(await log.publish()).toMatchObject({ status: "intact", rows: 20_100 });
  });
});

async function rootOf(log: Log): Promise<Uint8Array | undefined> {
  const noted: Finding[] = [];
  const options = { misdated: [], signal: undefined, onProgress: undefined };
  const { end } = await readIncrement(log.sql, undefined, (finding) => noted.push(finding), options);
  expect(noted).toEqual([]);
  return end && frontierRoot(appendLeaf(end.before, leafHash(leafText(end.leaf))));
}

function first<T>(list: readonly T[]): T {
  const [one] = list;
  if (one === undefined) throw new Error("the list is empty");
  return one;
}
