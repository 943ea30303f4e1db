import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backfill } from "@scidex/audit-backfill";
import { generateKeyFiles, publishHead } from "@scidex/audit-publisher";
import type { BenchDatabase } from "./database.ts";
import { held, type Measurement, milliseconds } from "./measure.ts";

/** How many rows are recorded anew, unless fewer are asked for. The larger number shows whether the last row takes as long as the first. */
const ROWS = [300_000, 1_000_000];

/**
 * Recording rows anew after a migration, against chaining the same rows by a backfill, each until its links are published:
 * one publication compares every row, records it, looks at all of it again before it signs, and publishes the new links.
 * Held against the backfill alone, without its publication, it stands beside.
 */
export async function benchRecord(db: BenchDatabase, rows: number): Promise<Measurement[]> {
  const results: Measurement[] = [];
  for (const count of new Set(ROWS.map((one) => Math.min(one, rows)))) {
    const other = await db.another();
    try {
      results.push(...(await recordAnew(other, count)));
    } finally {
      await other.end();
    }
  }
  return results;
}

async function recordAnew(db: BenchDatabase, rows: number): Promise<Measurement[]> {
  const { sql } = db;
  await sql`create table events (id bigserial primary key, actor text not null, n int)`;
  await sql`insert into events (actor, n) select 'agent-' || g, g from generate_series(1, ${rows}) as g`;
  await db.attach("events", { mode: "sealed" });
  const folder = await mkdtemp(join(tmpdir(), "audit-bench-"));
  try {
    const keyFile = join(folder, "key");
    await generateKeyFiles({ origin: "bench.example/log", out: keyFile });
    const sinks = [`file:${join(folder, "heads.log")}`];
    const publish = async () =>
      await publishHead({ database: sql, keyFile, sinks, origin: "bench.example/log", maxPendingAgeMs: 3_600_000 });
    const chained = await milliseconds(async () => await backfill(sql, { tables: ["events"] }));
    const published = await milliseconds(publish);
    await sql.begin(async (tx) => {
      await tx`alter table events drop actor`;
      await tx`select public.audit_chain_sync('events')`;
    });
    const recorded = await milliseconds(publish);
    const [count] = await sql<
      { n: string }[]
    >`select count(*) as n from audit_chain where event_kind = 'events:record'`;
    if (Number(count?.n) !== rows) throw new Error(`${count?.n ?? "none"} of ${rows} rows were recorded anew`);
    const name = `record ${rows.toLocaleString("en")} rows anew`;
    return [
      held(
        name,
        [recorded],
        { name: "a backfill of them and its publication", figures: [chained + published] },
        { unit: "ms", target: { ratio: 2, is: "at most" } },
      ),
      held(name, [recorded], { name: "that backfill alone", figures: [chained] }, { unit: "ms" }),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
