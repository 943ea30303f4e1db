import { migrate } from "@scidex/audit-schema";
import type { Template } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { describe, expect, it } from "vitest";
import { type ChainDatabase, closeGap, openChain, recompute } from "../chain-database.ts";

/**
 * Four audited tables, each attached while it is empty: note (refuse), task (track), part (partitioned), seal (sealed,
 * its last row pending). The links of note are 5 to 9, of task 10 to 15.
 */
const tables: Template = {
  name: "audit-chain-verifier-tables",
  prepare: async (url) => {
    const sql = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    await migrate(drizzle(sql));
    await sql.unsafe(`
      create table public.note (id int primary key, body text, n numeric(10, 2));
      create table public.task (id text primary key, state text not null, tries int not null default 0);
      create table public.part (id int, day date, body text, primary key (id, day)) partition by range (day);
      create table public.part_a partition of public.part for values from ('2026-01-01') to ('2026-02-01');
      create table public.part_b partition of public.part for values from ('2026-02-01') to ('2026-03-01');
      create table public.seal (id int primary key, body text);
      select public.audit_chain_attach('public.note', mode => 'strict');
      select public.audit_chain_attach('public.task', mode => 'strict', changes => 'track');
      select public.audit_chain_attach('public.part', mode => 'strict');
      select public.audit_chain_attach('public.seal', mode => 'sealed')`);
    for (let n = 1; n <= 5; n++) await sql`insert into public.note values (${n}, ${`body ${n}`}, ${n + 0.5})`;
    await sql`insert into public.task values ('a', 'new'), ('b@1', 'new'), ('c', 'new')`;
    await sql`update public.task set state = 'done' where id = 'a'`;
    await sql`update public.task set state = 'done' where id = 'b@1'`;
    await sql`delete from public.task where id = 'c'`;
    await sql`insert into public.part values (1, '2026-01-05', 'x'), (2, '2026-02-05', 'y')`;
    await sql`insert into public.seal values (1, 'x')`;
    await sql`select public.audit_chain_seal(100)`;
    await sql`insert into public.seal values (2, 'pending')`;
    await sql.end();
  },
};

async function audited(): Promise<ChainDatabase> {
  const chain = await openChain({ template: tables });
  await chain.publish({ seq: 8n });
  await chain.publish();
  return chain;
}

const hash = (json: string) => `sha256(convert_to('${json}', 'UTF8'))`;

interface Attack {
  readonly id: string;
  readonly what: string;
  readonly sql: string;
  /** What must be among the findings; its check must be that of the first one. */
  readonly found: { check: string; seq?: bigint; fromSeq?: bigint; eventKind?: string; eventPk?: string };
}

const ATTACKS: Attack[] = [
  {
    id: "B01",
    what: "a text",
    sql: "update public.note set body = 'evil' where id = 3",
    found: { check: "source_edited", seq: 7n },
  },
  {
    id: "B01",
    what: "a number",
    sql: "update public.note set n = 3.51 where id = 3",
    found: { check: "source_edited", seq: 7n },
  },
  {
    id: "B01",
    what: "a value to NULL",
    sql: "update public.note set body = null where id = 1",
    found: { check: "source_edited", seq: 5n },
  },
  {
    id: "B01",
    what: "a row of a partition",
    sql: "update public.part_b set body = 'evil'",
    found: { check: "source_edited", eventKind: "part", eventPk: '["2","2026-02-05"]' },
  },
  {
    id: "B01",
    what: "a sealed row",
    sql: "update public.seal set body = 'evil' where id = 1",
    found: { check: "source_edited", eventKind: "seal" },
  },
  {
    id: "B01",
    what: "a pending row",
    sql: "update public.seal set body = 'evil' where id = 2",
    found: { check: "source_edited", eventKind: "seal", eventPk: "2" },
  },
  {
    id: "B01",
    what: "two rows swapped",
    sql: "update public.note set body = case id when 1 then 'body 2' else 'body 1' end where id in (1, 2)",
    found: { check: "source_edited", seq: 5n },
  },
  {
    id: "B01",
    what: "the key",
    sql: "update public.note set id = 99 where id = 3",
    found: { check: "source_deleted", seq: 7n },
  },
  {
    id: "B01",
    what: "a row, with a forged change waiting to be sealed",
    sql: `update public.note set body = 'evil' where id = 3;
          insert into public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash)
          values ('sealed', 'update', 'note', '3', ${hash('{"body":"evil","id":"3","n":"3.50"}')})`,
    found: { check: "source_edited", seq: 7n },
  },
  {
    id: "B01",
    what: "a row, with a forged change that the sealer has linked",
    sql: `update public.note set body = 'evil' where id = 3;
          insert into public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash)
          values ('sealed', 'update', 'note', '3', ${hash('{"body":"evil","id":"3","n":"3.50"}')});
          select public.audit_chain_seal(100)`,
    found: { check: "source_edited", seq: 7n },
  },
  {
    id: "B02",
    what: "a row",
    sql: "delete from public.note where id = 2",
    found: { check: "source_deleted", seq: 6n, eventPk: "2" },
  },
  {
    id: "B02",
    what: "the last row",
    sql: "delete from public.note where id = 5",
    found: { check: "source_deleted", seq: 9n },
  },
  { id: "B02", what: "all rows", sql: "truncate public.note", found: { check: "source_deleted", seq: 5n } },
  {
    id: "B02",
    what: "a row of a partition",
    sql: "delete from public.part_a",
    found: { check: "source_deleted", eventKind: "part" },
  },
  {
    id: "B02",
    what: "a detached partition",
    sql: "alter table public.part detach partition public.part_a",
    found: { check: "source_deleted", eventKind: "part" },
  },
  {
    id: "B02",
    what: "a row, with a forged deletion that the sealer has linked",
    sql: `delete from public.note where id = 3;
          insert into public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash)
          values ('sealed', 'delete', 'note', '3', sha256('x'));
          select public.audit_chain_seal(100)`,
    found: { check: "source_deleted", seq: 7n },
  },
  {
    id: "B03",
    what: "as a replica",
    sql: "insert into public.note values (77, 'evil')",
    found: { check: "source_unchained", eventKind: "note", eventPk: "77" },
  },
  {
    id: "B03",
    what: "into a tracked table",
    sql: "insert into public.task values ('z', 'evil')",
    found: { check: "source_unchained", eventKind: "task", eventPk: "z" },
  },
  {
    id: "B03",
    what: "into a partition",
    sql: "insert into public.part_a values (7, '2026-01-09', 'evil')",
    found: { check: "source_unchained", eventKind: "part", eventPk: '["7","2026-01-09"]' },
  },
  {
    id: "B03",
    what: "with a partition attached that has rows",
    sql: "create table public.part_c (like public.part including all); insert into public.part_c values (9, '2026-03-04', 'evil'); alter table public.part attach partition public.part_c for values from ('2026-03-01') to ('2026-04-01')",
    found: { check: "source_unchained", eventPk: '["9","2026-03-04"]' },
  },
  {
    id: "B03",
    what: "with the key of another row",
    sql: "alter table public.note drop constraint note_pkey; insert into public.note values (3, 'evil')",
    found: { check: "source_unchained", eventKind: "note", eventPk: "3" },
  },
  {
    id: "B03",
    what: "without a key",
    sql: "alter table public.note drop constraint note_pkey; alter table public.note alter id drop not null; insert into public.note values (null, 'evil'), (null, 'evil')",
    found: { check: "source_unchained", eventKind: "note" },
  },
  {
    id: "B03",
    what: "again after its recorded deletion",
    sql: "insert into public.task values ('c', 'new')",
    found: { check: "source_edited", seq: 15n },
  },
  {
    id: "B03",
    what: "a configuration",
    sql: "insert into public.audit_chain_config select 99, recorded_at, actor, action, kind, relation, key_columns, '{id}', '{id}', '{}', '{integer}', excluded, renamed, changes, mode, fallback, complete, record_anew, salt, blind_key, present from public.audit_chain_config where id = 1",
    found: { check: "source_unchained", eventKind: "audit_chain_config", eventPk: "99" },
  },
  {
    id: "B04",
    what: "a row and its link",
    sql: "delete from public.note where id = 3; delete from public.audit_chain where seq = 7",
    found: { check: "gap", seq: 7n },
  },
  {
    id: "B05",
    what: "a row and its link, renumbered",
    sql: `delete from public.note where id = 3; delete from public.audit_chain where seq = 7; ${closeGap(7)}`,
    found: { check: "truncated" },
  },
  { id: "B06", what: "dropped", sql: "drop table public.note", found: { check: "source_missing", eventKind: "note" } },
  {
    id: "B06",
    what: "renamed",
    sql: "alter table public.note rename to n",
    found: { check: "source_missing", eventKind: "note" },
  },
  {
    id: "B06",
    what: "moved to another schema",
    sql: "create schema elsewhere; alter table public.note set schema elsewhere",
    found: { check: "source_missing", eventKind: "note" },
  },
  {
    id: "B06",
    what: "a view",
    sql: "alter table public.note rename to n; create view public.note as select * from public.n",
    found: { check: "source_missing", eventKind: "note" },
  },
  {
    id: "B06",
    what: "a materialized view",
    sql: "alter table public.note rename to n; create materialized view public.note as select * from public.n",
    found: { check: "source_missing", eventKind: "note" },
  },
  {
    id: "B06",
    what: "a foreign table",
    sql: "create foreign data wrapper w; create server s foreign data wrapper w; alter table public.note rename to n; create foreign table public.note (id int, body text, n numeric(10, 2)) server s",
    found: { check: "source_missing", eventKind: "note" },
  },
  {
    id: "B06",
    what: "a foreign partition",
    sql: "create foreign data wrapper w; create server s foreign data wrapper w; alter table public.part drop constraint part_pkey; create foreign table public.part_f partition of public.part for values from ('2027-01-01') to ('2027-02-01') server s",
    found: { check: "source_missing", eventKind: "part" },
  },
  {
    id: "B07",
    what: "a row and its link, recomputed",
    sql: `update public.note set body = 'evil' where id = 3; update public.audit_chain set payload_hash = ${hash('{"body":"evil","id":"3","n":"3.50"}')} where seq = 7; ${recompute(7)}`,
    found: { check: "head_mismatch", fromSeq: 1n },
  },
  {
    id: "B09",
    what: "changes a tracked row",
    sql: "update public.task set state = 'evil' where id = 'a'",
    found: { check: "source_edited", seq: 13n },
  },
  {
    id: "B09",
    what: "puts the state before the last change back",
    sql: "update public.task set state = 'new' where id = 'a'",
    found: { check: "source_edited", seq: 13n },
  },
  {
    id: "A13",
    what: "writes a change of a tracked row twice",
    sql: `alter table public.audit_chain drop constraint audit_chain_event_key;
      insert into public.audit_chain
      select 1 + (select max(seq) from public.audit_chain), event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, clock_timestamp()
        from public.audit_chain where seq = 14; ${recompute(19)}`,
    found: { check: "duplicate", seq: 19n, eventKind: "task:update", eventPk: "b@1@14" },
  },
  {
    id: "A13",
    what: "writes a change under the seq of another one",
    sql: `insert into public.audit_chain
      select 19, event_kind, 'b@1@13', payload_hash, event_hash, prev_hash, chain_hash, before_hash, clock_timestamp()
        from public.audit_chain where seq = 14; ${recompute(19)}`,
    found: { check: "event_hash", seq: 19n, eventKind: "task:update", eventPk: "b@1@13" },
  },
  {
    id: "B09",
    what: "changes a tracked row whose key has an @",
    sql: "update public.task set tries = 9 where id = 'b@1'",
    found: { check: "source_edited", seq: 14n, eventPk: "b@1@14" },
  },
  {
    id: "B09",
    what: "deletes a tracked row",
    sql: "delete from public.task where id = 'a'",
    found: { check: "source_deleted", seq: 13n, eventPk: "a@13" },
  },
  {
    // The row's older event looks like its newest then: it must not come before the link that is really gone.
    id: "A02",
    what: "deletes the link of a tracked row's last change",
    sql: "delete from public.audit_chain where seq = 13",
    found: { check: "gap", seq: 13n },
  },
  {
    id: "A01",
    what: "relabels the link of a tracked row's deletion",
    sql: "update public.audit_chain set event_kind = 'task:update' where seq = 15",
    found: { check: "event_hash", seq: 15n },
  },
  {
    id: "A05",
    what: "cuts the tail from a tracked row's last change on",
    sql: "delete from public.audit_chain where seq >= 13",
    found: { check: "truncated", seq: 13n },
  },
  {
    id: "B10",
    what: "readmits a row",
    sql: `insert into public.note values (66, 'evil', 1); select public.audit_chain_complete('public.note', false);
          select public.audit_chain_adopt('note', array['66'], array[${hash('{"body":"evil","id":"66","n":"1.00"}')}]); select public.audit_chain_complete('public.note')`,
    found: { check: "coverage_narrowed", eventKind: "note" },
  },
  {
    id: "C08",
    what: "detaches",
    sql: "select public.audit_chain_detach('public.note')",
    found: { check: "coverage_narrowed", eventKind: "note" },
  },
  {
    id: "C08",
    what: "excludes a column",
    sql: "select public.audit_chain_attach('public.note', exclude => array['body'])",
    found: { check: "coverage_narrowed", eventKind: "note" },
  },
  {
    id: "C08",
    what: "declares incomplete",
    sql: "select public.audit_chain_complete('public.note', false)",
    found: { check: "coverage_narrowed", eventKind: "note" },
  },
  {
    id: "C08",
    what: "only tracks what was refused",
    sql: "select public.audit_chain_attach('public.note', changes => 'track')",
    found: { check: "coverage_narrowed", eventKind: "note" },
  },
  {
    id: "C08",
    what: "edits the configuration",
    sql: "update public.audit_chain_config set excluded = '{body}', columns = '{id,n}' where kind = 'note'",
    found: { check: "source_edited", seq: 1n },
  },
  {
    id: "C08",
    what: "makes the configuration nonsense",
    sql: "update public.audit_chain_config set action = 'none', columns = '{{a,b},{c,d}}', absent = '[1]' where kind = 'note'",
    found: { check: "source_edited", seq: 1n },
  },
  {
    id: "C08",
    what: "deletes the configuration",
    sql: "delete from public.audit_chain_config where kind = 'note'",
    found: { check: "source_deleted", seq: 1n },
  },
  {
    id: "C08",
    what: "drops the configuration",
    sql: "drop table public.audit_chain_config cascade",
    found: { check: "source_missing", eventKind: "audit_chain_config" },
  },
];

describe("attacks on the audited rows", () => {
  it("finds nothing before any of them", async () => {
    const report = await (await audited()).verify();
    expect([report.divergences, report.unproven]).toEqual([[], []]);
    expect(report).toMatchObject({ status: "intact", pending: 1n, eventsWithoutSource: 0n });
  });

  it.each(ATTACKS)("finds $id: $what", async ({ id, sql, found }) => {
    const chain = await audited();
    const isFrontDoor = id === "B10" || (id === "C08" && sql.startsWith("select"));
    if (isFrontDoor) {
      // The front door captures what it records; only the row went past it.
      for (const statement of sql.split(";")) {
        if (statement.trim().startsWith("insert")) await chain.attack(statement);
        else await chain.sql.unsafe(statement);
      }
    } else await chain.attack(sql);
    const report = await chain.verify();
    expect(report.status).toBe("tampered");
    expect(report.divergences).toContainEqual(expect.objectContaining(found));
    expect(report.divergences.map(({ check }) => check)).toContain(found.check);
  });

  it("cannot know of B08, a row that goes with its pending entry, and says how long that was possible", async () => {
    const chain = await audited();
    await chain.attack("update public.audit_chain_pending set staged_at = staged_at - interval '90 s'");
    const before = await chain.verify();
    expect(before).toMatchObject({ status: "intact", pending: 1n });
    expect(before.pendingAge).toBeGreaterThanOrEqual(90);
    await chain.attack("delete from public.seal where id = 2");
    // The entry alone is an event whose row is gone.
    expect((await chain.verify()).divergences.map(({ check }) => check)).toEqual(["source_deleted"]);
    await chain.attack("delete from public.audit_chain_pending");
    expect(await chain.verify()).toMatchObject({ status: "intact", pending: 0n, pendingAge: null });
  });

  it("names every row of a table that was truncated, and no other", async () => {
    const chain = await audited();
    await chain.attack("truncate public.note");
    const { divergences } = await chain.verify();
    expect(divergences.map(({ check, seq, eventPk }) => [check, seq, eventPk])).toEqual(
      [1, 2, 3, 4, 5].map((n) => ["source_deleted", BigInt(n + 4), String(n)]),
    );
  });
});
