import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKeyFiles, publishHead } from "@scidex/audit-publisher";
import { type BenchDatabase, sealAll } from "./database.ts";
import { type Measurement, median, milliseconds, ratioOf } from "./measure.ts";

const NEW_ROWS = 1_000;
const SMALL = 10_000;
const ROUNDS = 15;

/** A publication costs what is new, whatever is there: the same 1,000 new rows at a short chain and at a long one. */
export async function benchPublish(db: BenchDatabase, rows: number): Promise<Measurement[]> {
  const { sql } = db;
  await sql`create table events (id bigserial primary key, actor text not null, n int)`;
  await db.attach("events", { mode: "sealed" });
  const grow = async (count: number) => {
    await sql`insert into events (actor, n) select 'agent-' || g, g from generate_series(1, ${count}) as g`;
    await sealAll(sql);
  };
  const folder = await mkdtemp(join(tmpdir(), "audit-bench-"));
  try {
    const keyFile = join(folder, "key");
    await generateKeyFiles({ origin: "bench.example/log", out: keyFile });
    const publish = async () =>
      await publishHead({
        database: sql,
        keyFile,
        sinks: [`file:${join(folder, "heads.log")}`],
        origin: "bench.example/log",
      });
    const measure = async () => {
      const figures: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        await grow(NEW_ROWS);
        figures.push(await milliseconds(publish));
      }
      return figures;
    };
    const settled = async () => {
      await publish();
      // What the growth has left to be removed and written would be in the way of every publication for a while.
      await sql`vacuum analyze`;
      await sql`checkpoint`;
      await measure();
      return await measure();
    };
    await grow(SMALL);
    const small = await settled();
    await grow(rows);
    const large = await settled();
    return [
      {
        name: `publish 1,000 new rows at ${(SMALL + rows).toLocaleString("en")}`,
        value: median(large),
        unit: "ms",
        against: { name: `at ${SMALL.toLocaleString("en")}`, value: median(small) },
        ratio: ratioOf(large, small),
        target: { ratio: 1.2, is: "at most" },
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
