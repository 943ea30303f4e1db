import { verify } from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import type { BenchDatabase } from "./database.ts";
import { type Measurement, median, milliseconds, ratioOf, rounds } from "./measure.ts";

/** Verification, against what it costs to get the same rows out of the server at all. */
export async function benchVerify(db: BenchDatabase, rows: number): Promise<Measurement[]> {
  const { sql } = db;
  await sql`create table events (id bigserial primary key, actor text not null, action text not null, n int, created_at timestamptz not null default now())`;
  await db.attach("events", { mode: "sealed" });
  for (let done = 0; done < rows; done += 100_000) {
    const part = Math.min(100_000, rows - done);
    await sql`insert into events (actor, action, n) select 'agent-' || g, 'wrote a paragraph', g from generate_series(1, ${part}) as g`;
    for (let n = 1; n > 0;) n = Number((await sql`select public.audit_chain_seal(10000) as n`)[0]?.["n"] ?? 0);
  }
  await sql`vacuum analyze`;
  const run = (checks: readonly ("links" | "heads" | "sources")[]) => async () =>
    await milliseconds(async () => {
      const report = await verify(sql, { checks, allowUnanchored: true });
      if (report.status !== "intact")
        throw new Error(
          `the benchmark's own database does not verify: ${JSON.stringify(report.first_divergence ?? report.unproven)}`,
        );
    });
  const figures = await rounds(3, {
    links: run(["links", "heads"]),
    sources: run(["sources"]),
    drainChain: async () =>
      await milliseconds(
        async () => await drain(sql, "copy (select * from public.audit_chain order by seq) to stdout (format binary)"),
      ),
    drainTable: async () =>
      await milliseconds(async () => await drain(sql, "copy (select * from public.events) to stdout")),
  });
  const speed = (ms: readonly number[]) => median(ms.map((one) => rows / (one / 1000)));
  return [
    {
      name: `links and heads, ${rows.toLocaleString("en")} rows`,
      value: speed(figures.links),
      unit: "rows/s",
      against: { name: "draining the same COPY", value: speed(figures.drainChain) },
      ratio: ratioOf(figures.drainChain, figures.links),
      target: { ratio: 0.5, is: "at least" },
    },
    {
      name: `sources, ${rows.toLocaleString("en")} rows`,
      value: speed(figures.sources),
      unit: "rows/s",
      against: { name: "draining the text COPY of the table", value: speed(figures.drainTable) },
      ratio: ratioOf(figures.drainTable, figures.sources),
      target: { ratio: 0.3, is: "at least" },
    },
    { name: "peak memory of this process", value: process.resourceUsage().maxRSS / 1024, unit: "MB" },
  ];
}

async function drain(sql: Sql, query: string): Promise<number> {
  let bytes = 0;
  for await (const chunk of await sql.unsafe(query).readable()) bytes += (chunk as Buffer).length;
  return bytes;
}
