import { type Trust, verify, type VerifyOptions } from "@scidex/audit-verifier";
import { type BenchDatabase } from "../database.ts";
import { held, type Measurement, median, milliseconds, ratioOf, rounds } from "../measure.ts";
import { grow, Publisher } from "../verify.ts";

/** Shards can be cut where heads are. */
const HEADS = 128;
/** What is divided: of the rest, what applications get is the first shard's. */
const CHECKS = ["links", "heads", "sources", "coverage", "structure"] as const;
const SECRET = { run: "bench", secret: "0123456789abcdef" };

/** A chain of one large table, verified in shards: all of them together, and the longest. One job each. */
export async function benchShards(db: BenchDatabase, rows: number): Promise<Measurement[]> {
  const { sql } = db;
  await sql`create table events (id bigserial primary key, actor text not null, action text not null, n int, created_at timestamptz not null default now())`;
  await db.attach("events", { mode: "sealed" });
  const publisher = new Publisher(sql, Math.max(1, Math.floor(rows / HEADS)));
  await grow(sql, rows);
  await publisher.publish();
  await sql`vacuum analyze`;
  const trust: Trust = { heads: [publisher.log], keys: publisher.keys };
  const run = async (options: VerifyOptions): Promise<number> =>
    await milliseconds(async () => {
      const { report, shard } = await verify(sql, trust, { checks: CHECKS, jobs: 1, ...options });
      if (report.status !== "intact")
        throw new Error(`the benchmark's own database does not verify: ${String(report.unproven)}`);
      if (options.shard !== undefined && shard?.sums == null) throw new Error("the shard did not take the fast way");
    });
  const shards = async (of: number): Promise<number[]> => {
    const times: number[] = [];
    for (let number = 1; number <= of; number++)
      times.push(await run({ shard: { number, of }, cutSeq: BigInt(rows), shardSecret: SECRET }));
    return times;
  };
  const longest: number[] = [];
  const together = (of: number) => async () => {
    const times = await shards(of);
    if (of === 4) longest.push(Math.max(...times));
    return times.reduce((sum, ms) => sum + ms, 0);
  };
  const figures = await rounds(3, {
    whole: async () => await run({}),
    four: together(4),
    sixteen: together(16),
  });
  const count = rows.toLocaleString("en");
  const whole = { name: "the whole run, one job", figures: figures.whole };
  return [
    {
      name: `the whole run, ${count} links and rows, one job`,
      value: rows / (median(figures.whole) / 1000),
      unit: "rows/s",
    },
    held(`4 shards together, ${count} links and rows`, figures.four, whole, {
      unit: "ms",
      target: { ratio: 1.25, is: "at most" },
    }),
    {
      name: "the longest of 4",
      value: median(longest),
      unit: "ms",
      against: { name: whole.name, value: median(figures.whole) },
      ratio: ratioOf(longest, figures.whole),
      target: { ratio: 0.35, is: "at most" },
    },
    held("16 shards together", figures.sixteen, whole, { unit: "ms", target: { ratio: 1.5, is: "at most" } }),
  ];
}
