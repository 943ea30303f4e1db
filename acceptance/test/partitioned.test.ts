// A live table is converted into a partitioned one, and rows are written before anybody has told the chain (case 06).
import { backfill } from "@scidex/audit-backfill";
import { expect, test } from "vitest";
import { openAuditedDatabase } from "../src/audited-database.ts";
import { openPublishedChain } from "../src/published-chain.ts";

const CONVERT = `
  alter table log rename to log_old; alter table log_old drop constraint log_pkey;
  create table log (id bigint not null, at timestamptz not null, body text, primary key (id, at)) partition by range (at);
  alter table log attach partition log_old for values from (minvalue) to ('2026-06-01');
  create table log_new partition of log for values from ('2026-06-01') to (maxvalue)`;

test("rows that were written between the conversion and sync are chained by a backfill", async () => {
  await using database = await openAuditedDatabase();
  await using chain = await openPublishedChain();
  const { sql } = database;
  await sql.unsafe("create table log (id bigint primary key, at timestamptz not null, body text)");
  await sql`select audit_chain_attach('log')`;
  await sql`insert into log values (1, '2026-01-01', 'before')`;
  await chain.publish(sql);
  await sql.begin(async (tx) => await tx.unsafe(CONVERT));
  await sql`insert into log values (2, '2026-02-01', 'between'), (3, '2026-07-01', 'between')`;
  const [synced] = await sql<{ kind: string }[]>`select audit_chain_sync('log') ->> 'kind' as kind`;
  expect(synced?.kind).toBe("log");
  await sql`insert into log values (4, '2026-03-01', 'after'), (5, '2026-08-01', 'after')`;

  const found = async () => {
    const { divergences, unproven } = await chain.verify(sql);
    return { divergences: divergences.map(({ check, eventPk = "" }) => `${check} ${eventPk}`.trim()), unproven };
  };
  await expect(backfill(sql, { tables: ["log"] })).rejects.toThrow(/not recorded anew yet/u);
  await chain.publish(sql);
  expect(await found()).toEqual({
    divergences: ["coverage_narrowed"],
    unproven: [expect.stringContaining("2 rows are not chained yet; run audit-backfill public.log")],
  });
  await backfill(sql, { tables: ["log"] });
  await chain.publish(sql);
  expect(await found()).toEqual({ divergences: ["coverage_narrowed"], unproven: [] });

  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update log set body = 'forged'`;
    await tx`insert into log values (6, '2026-09-01', 'forged')`;
  });
  expect((await found()).divergences.map((one) => one.replace(/@.*/u, ""))).toEqual([
    "coverage_narrowed",
    'source_edited ["4","2026-03-01 00:00:00+00"]',
    'source_edited ["5","2026-08-01 00:00:00+00"]',
    'source_edited ["1","2026-01-01 00:00:00+00"]',
    'source_edited ["2","2026-02-01 00:00:00+00"]',
    'source_edited ["3","2026-07-01 00:00:00+00"]',
    'source_unchained ["6","2026-09-01 00:00:00+00"]',
  ]);
});
