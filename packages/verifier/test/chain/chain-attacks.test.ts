import { migrate } from "@scidex/audit-schema";
import type { Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { describe, expect, it } from "vitest";
import {
  append,
  type ChainDatabase,
  closeGap,
  forge,
  now,
  openChain,
  recompute,
  verifyAsked,
} from "../chain-database.ts";

/** Thirty links of three kinds, one of them a table's. */
const thirty: Template = {
  name: "audit-chain-verifier-30",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    await sql`create table public.note (id int primary key, body text not null)`;
    await sql`select public.audit_chain_attach('public.note', mode => 'strict')`;
    for (let n = 2; n <= 30; n++) {
      if (n % 3 === 0) await sql`insert into public.note values (${n}, ${`body ${n}`})`;
      else await append(sql, n % 2 === 0 ? "even" : "odd", String(n));
    }
    await sql.end();
  },
};

/** With heads at 10, 20 and 25. */
async function chainOf30(): Promise<ChainDatabase> {
  const chain = await openChain({ template: thirty });
  for (const seq of [10n, 20n, 25n]) await chain.publish({ seq, time: now() - 30 + Number(seq) });
  return chain;
}

interface Attack {
  readonly id: string;
  readonly what: string;
  readonly sql: string;
  /** Check and place of the first divergence. */
  readonly first: { check: string; seq?: bigint; fromSeq?: bigint; toSeq?: bigint; eventPk?: string };
}

const flip = (column: string, bit: number) => `set_bit(${column}, ${bit}, 1 - get_bit(${column}, ${bit}))`;
const unconstrain = `
  alter table public.audit_chain drop constraint audit_chain_pkey, drop constraint audit_chain_event_key,
    drop constraint audit_chain_seq_check, drop constraint audit_chain_hash_check,
    drop constraint audit_chain_label_check, drop constraint audit_chain_time_check;`;

const A01: Attack[] = [
  { column: "event_kind", value: "'odd '" },
  { column: "event_pk", value: "concat(event_pk, 'x')" },
  { column: "payload_hash", value: flip("payload_hash", 0) },
  { column: "before_hash", value: "sha256('put there')" },
  { column: "appended_at", value: "appended_at + interval '1 microsecond'" },
].map(({ column, value }) => ({
  id: "A01",
  what: `changes ${column}`,
  sql: `update public.audit_chain set ${column} = ${value} where seq = 13`,
  first: { check: "event_hash", seq: 13n },
}));

const ATTACKS: Attack[] = [
  ...A01,
  {
    id: "A01",
    what: "changes prev_hash",
    sql: `update public.audit_chain set prev_hash = ${flip("prev_hash", 7)} where seq = 13`,
    first: { check: "prev_hash", seq: 13n },
  },
  {
    id: "A01",
    what: "changes chain_hash",
    sql: `update public.audit_chain set chain_hash = ${flip("chain_hash", 100)} where seq = 13`,
    first: { check: "chain_hash", seq: 13n },
  },
  {
    id: "A01",
    what: "changes the seq of the last link",
    sql: "update public.audit_chain set seq = 31 where seq = 30",
    first: { check: "gap", seq: 30n },
  },
  {
    id: "A01",
    what: "changes the chain_hash of the last link",
    sql: `update public.audit_chain set chain_hash = ${flip("chain_hash", 3)} where seq = 30`,
    first: { check: "chain_hash", seq: 30n },
  },
  {
    id: "A01",
    what: "changes the prev_hash of the first link",
    sql: `update public.audit_chain set prev_hash = ${flip("prev_hash", 3)} where seq = 1`,
    first: { check: "prev_hash", seq: 1n },
  },
  {
    id: "A02",
    what: "deletes a link",
    sql: "delete from public.audit_chain where seq = 14",
    first: { check: "gap", seq: 14n },
  },
  {
    id: "A03",
    what: "deletes a range over a head",
    sql: "delete from public.audit_chain where seq between 8 and 23",
    first: { check: "gap", seq: 8n },
  },
  {
    id: "A04",
    what: "deletes the first link",
    sql: "delete from public.audit_chain where seq = 1",
    first: { check: "gap", seq: 1n },
  },
  {
    id: "A04",
    what: "deletes the first links",
    sql: "delete from public.audit_chain where seq < 12",
    first: { check: "gap", seq: 1n },
  },
  {
    id: "A11",
    what: "deletes the first links, renumbers and recomputes",
    sql: `delete from public.audit_chain where seq in (1, 2); ${closeGap(1)}${closeGap(1)}`,
    first: { check: "head_mismatch", fromSeq: 1n, toSeq: 10n },
  },
  {
    id: "A05",
    what: "cuts the tail",
    sql: "delete from public.audit_chain where seq > 22",
    first: { check: "truncated", seq: 23n },
  },
  {
    id: "A05",
    what: "cuts the tail, and honest traffic has reused its seqs",
    sql: `delete from public.audit_chain where seq > 22; ${[23, 24, 25, 26].map((n) => forge("even", `again ${n}`)).join("")}`,
    first: { check: "head_mismatch", fromSeq: 21n, toSeq: 25n },
  },
  { id: "A06", what: "truncates", sql: "truncate public.audit_chain", first: { check: "truncated", seq: 1n } },
  {
    id: "A06",
    what: "puts an empty look-alike in its place",
    sql: "alter table public.audit_chain rename to old_chain; create table public.audit_chain (like old_chain including all)",
    first: { check: "truncated", seq: 1n },
  },
  {
    id: "A06",
    what: "drops the table",
    sql: "drop table public.audit_chain cascade",
    first: { check: "truncated", seq: 1n },
  },
  {
    id: "A06",
    what: "starts a new chain in a look-alike",
    sql: `truncate public.audit_chain; ${Array.from({ length: 26 }, (_, n) => forge("even", `new ${n}`)).join("")}`,
    first: { check: "head_mismatch", fromSeq: 1n, toSeq: 10n },
  },
  {
    id: "A07",
    what: "swaps the contents of two links",
    sql: `${unconstrain} update public.audit_chain as c set event_kind = o.event_kind, event_pk = o.event_pk, payload_hash = o.payload_hash
            from public.audit_chain as o where (c.seq, o.seq) in ((7, 16), (16, 7))`,
    first: { check: "event_hash", seq: 7n },
  },
  {
    id: "A07",
    what: "swaps two whole links but for their seq",
    sql: `${unconstrain} update public.audit_chain set seq = 7 + 16 - seq where seq in (7, 16)`,
    first: { check: "prev_hash", seq: 7n },
  },
  {
    id: "A08",
    what: "forges a link at the end",
    sql: "insert into public.audit_chain select 31, 'x', 'y', sha256('a'), sha256('b'), chain_hash, sha256('c'), null, now() from public.audit_chain where seq = 30",
    first: { check: "chain_hash", seq: 31n },
  },
  {
    id: "A08",
    what: "forges a well-formed link at the end under a table's kind",
    sql: forge("note", "999"),
    first: { check: "source_deleted", seq: 31n, eventPk: "999" },
  },
  {
    id: "A08",
    what: "forges a link in the middle",
    sql: `${unconstrain} insert into public.audit_chain select 15, 'x', 'y', payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at from public.audit_chain where seq = 14`,
    first: { check: "duplicate", seq: 15n },
  },
  {
    id: "A09",
    what: "changes a link and recomputes every hash after it",
    sql: `update public.audit_chain set payload_hash = sha256('evil') where seq = 13; ${recompute(13)}`,
    first: { check: "head_mismatch", fromSeq: 11n, toSeq: 20n },
  },
  {
    id: "A09",
    what: "changes the last published link and recomputes",
    sql: `update public.audit_chain set event_pk = 'evil' where seq = 25; ${recompute(25)}`,
    first: { check: "head_mismatch", fromSeq: 21n, toSeq: 25n },
  },
  {
    id: "A10",
    what: "rewrites the whole chain",
    sql: `update public.audit_chain set payload_hash = sha256(payload_hash) where event_kind in ('odd', 'even'); ${recompute(1)}`,
    first: { check: "head_mismatch", fromSeq: 1n, toSeq: 10n },
  },
  {
    id: "A11",
    what: "drops a link, renumbers and recomputes",
    sql: `delete from public.audit_chain where seq = 16; ${closeGap(16)}`,
    first: { check: "head_mismatch", fromSeq: 11n, toSeq: 20n },
  },
  {
    id: "A11",
    what: "drops six links, renumbers and recomputes",
    sql: Array.from({ length: 6 }, () => `delete from public.audit_chain where seq = 22; ${closeGap(22)}`).join(""),
    first: { check: "truncated", seq: 25n },
  },
  {
    id: "A13",
    what: "writes a seq twice",
    sql: `${unconstrain} insert into public.audit_chain select * from public.audit_chain where seq = 18`,
    first: { check: "duplicate", seq: 18n },
  },
  {
    id: "A13",
    what: "writes an event twice",
    sql: `${unconstrain} ${forge("even", "8", "sha256('8')")}`,
    first: { check: "duplicate", seq: 31n, eventPk: "8" },
  },
  {
    id: "A13",
    what: "writes an event of a table twice",
    sql: `${unconstrain} insert into public.audit_chain select 31, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, clock_timestamp() from public.audit_chain where seq = 15; ${recompute(31)}`,
    first: { check: "duplicate", seq: 31n, eventPk: "15" },
  },
  ...["clock_timestamp() - interval '3 days'", "clock_timestamp() + interval '1 hour'"].map((time) => ({
    id: "A14",
    what: `appends a well-formed link of ${time}`,
    sql: forge("even", "late", "sha256('late')", time),
    first: { check: "time_implausible", seq: 31n },
  })),
  {
    id: "C07",
    what: "moves a link out of a time window",
    sql: "update public.audit_chain set appended_at = appended_at - interval '10 years' where seq = 12",
    first: { check: "event_hash", seq: 12n },
  },
  {
    id: "A01",
    what: "makes an empty key NULL",
    sql: `alter table public.audit_chain alter event_pk drop not null; ${forge("even", "", "sha256('')")} update public.audit_chain set event_pk = null where seq = 31`,
    first: { check: "event_hash", seq: 31n },
  },
];

describe("attacks on the chain", () => {
  it("finds nothing before any of them", async () => {
    const report = await (await chainOf30()).verify();
    expect(report.divergences).toEqual([]);
    expect(report).toMatchObject({ status: "intact", rows: 30n, anchoredTo: 25n, unanchored: 5n });
  });

  it.each(ATTACKS)("finds $id: $what", async ({ sql, first }) => {
    const chain = await chainOf30();
    await chain.attack(sql);
    const report = await chain.verify();
    expect(report.status).toBe("tampered");
    expect(report.firstDivergence).toMatchObject(first);
  });

  it("finds A12: an older copy of the database", async () => {
    const chain = await chainOf30();
    await chain.sql.unsafe("create table public.copy as select * from public.audit_chain where seq <= 18");
    await chain.attack(
      "truncate public.audit_chain; insert into public.audit_chain select * from public.copy; drop table public.copy; delete from public.note where id > 18",
    );
    const report = await chain.verify();
    expect(report.firstDivergence).toMatchObject({ check: "truncated", seq: 19n });
    expect(report.divergences.filter(({ check }) => check.startsWith("source"))).toEqual([]);
  });

  it.each([
    {
      what: "a cut below it",
      sql: "delete from public.audit_chain where seq > 12",
      first: { check: "truncated", seq: 13n },
    },
    {
      what: "its first link's predecessor missing",
      sql: "delete from public.audit_chain where seq = 20",
      first: { check: "gap", seq: 20n },
    },
    {
      what: "everything rewritten",
      sql: `update public.audit_chain set payload_hash = sha256('x') where seq = 4; ${recompute(4)}`,
      first: { check: "head_mismatch", fromSeq: 20n, toSeq: 20n },
    },
  ])("finds, in a range that starts after a head, $what", async ({ sql, first }) => {
    const chain = await chainOf30();
    expect((await chain.verify({ startSeq: 22n, checks: ["links", "heads"] })).status).toBe("intact");
    await chain.attack(sql);
    const report = await chain.verify({ startSeq: 22n, checks: ["links", "heads"] });
    expect(report.status).toBe("tampered");
    expect(report.firstDivergence ?? report.divergences).toMatchObject(first);
  });

  it("finds a row that claims to be older than the newest signature of the head before it", async () => {
    const chain = await openChain();
    await append(chain.sql, "thing", "1", "2");
    await chain.attack(`update public.audit_chain set appended_at = appended_at - interval '7 days'; ${recompute(1)}`);
    const week = 7 * 86_400;
    for (let age = week; age >= 0; age -= 86_400) await chain.publish({ time: now() - age });
    expect((await chain.verify()).divergences).toEqual([]);
    await chain.attack(forge("thing", "3", "sha256('3')", "clock_timestamp() - interval '3 days'"));
    expect((await chain.verify()).firstDivergence).toMatchObject({ check: "time_implausible", seq: 3n });
  });

  it("finds a tail that is cut while honest traffic goes on", async () => {
    const chain = await openChain();
    await append(chain.sql, "thing", ...Array.from({ length: 60 }, (_, n) => String(n)));
    await chain.publish();
    await chain.attack("delete from public.audit_chain where seq > 5");
    let stop = false;
    const traffic = (async () => {
      for (let n = 0; !stop && n < 40; n++) await append(chain.sql, "more", String(n));
    })();
    try {
      // Not compared with a second look, which sees more of the traffic.
      expect((await verifyAsked(chain.sql, chain.asked)).report.status).toBe("tampered");
    } finally {
      stop = true;
      await traffic;
    }
  });

  it("lists every broken column of a row that has been changed", async () => {
    const chain = await chainOf30();
    await chain.attack("update public.audit_chain set event_hash = sha256('x') where seq = 9");
    const report = await chain.verify();
    expect(report.divergences.map(({ check, seq }) => [check, seq])).toEqual([
      ["chain_hash", 9n],
      ["event_hash", 9n],
    ]);
  });
});
