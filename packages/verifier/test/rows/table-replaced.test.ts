// Scenario: a migration puts another table in the place of an audited one, and audit_chain_sync is run later (THREATS B06,
// and "not attacks"). What is written meanwhile nobody captures, and nobody is accused of it.
import { attach } from "@scidex/audit-schema";
import { drizzle } from "drizzle-orm/postgres-js";
import { describe, expect, test } from "vitest";
import type { VerificationReport } from "../../src/report/verification-report.ts";
import { type ChainDatabase, openChain } from "../chain-database.ts";

const CHECKS = ["links", "heads", "sources", "structure", "coverage"] as const;

async function events(): Promise<ChainDatabase> {
  const chain = await openChain();
  await chain.sql.unsafe("create table public.events (id bigint primary key, body text)");
  await attach(drizzle(chain.sql), "public.events", { mode: "strict" });
  await chain.sql.unsafe("insert into public.events select g, 'b' from generate_series(1, 5) as g");
  await chain.publish();
  return chain;
}

const COPIED = `
  create table public.copy (like public.events including all); insert into public.copy select * from public.events;
  alter table public.events rename to old; alter table public.copy rename to events`;

const PARTITIONED = `
  alter table public.events rename to old; alter table public.old drop constraint events_pkey;
  create table public.events (id bigint primary key, body text) partition by range (id);
  alter table public.events attach partition public.old for values from (minvalue) to (100);
  create table public.later partition of public.events for values from (100) to (maxvalue)`;

const found = ({ divergences }: VerificationReport, group: string) =>
  divergences.filter((one) => one.group === group).map(({ check, eventPk }) => `${check} ${eventPk ?? ""}`.trim());

describe.each([
  ["its copy", COPIED],
  ["a partitioned one", PARTITIONED],
])("a table that is replaced by %s", (_, ddl) => {
  test("and written into before sync: no row is accused, and it is said what to run", async () => {
    const chain = await events();
    await chain.sql.begin(async (tx) => await tx.unsafe(ddl));
    await chain.sql.unsafe("insert into public.events values (6, 'x'), (106, 'y')");
    const report = await chain.verify({ checks: [...CHECKS] });
    expect(found(report, "sources")).toEqual([]);
    expect(found(report, "structure")).toContain("relation_changed");
    expect(report.unproven).toContain(
      "sources: public.events: 2 rows are not chained: it is another table than the one that was attached. If a migration has put it there, run audit-chain sync",
    );
  });

  test("an edit and a deletion are found all the same", async () => {
    const chain = await events();
    await chain.sql.begin(async (tx) => await tx.unsafe(ddl));
    await chain.attack("update public.events set body = 'edited' where id = 2; delete from public.events where id = 4");
    const report = await chain.verify({ checks: [...CHECKS] });
    expect(found(report, "sources")).toEqual(["source_edited 2", "source_deleted 4"]);
  });
});

test("where what was attached is nowhere any more, a row without an event is accused", async () => {
  const chain = await events();
  await chain.attack(`${COPIED}; drop table public.old; insert into public.events values (6, 'x')`);
  const report = await chain.verify({ checks: [...CHECKS] });
  expect(found(report, "sources")).toEqual(["source_unchained 6"]);
});
