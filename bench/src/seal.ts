import { type BenchDatabase, copyLinks, sealAll } from "./database.ts";
import { held, type Measurement, milliseconds, rounds } from "./measure.ts";

const ROWS = 100_000;

/** Linking what is pending, against writing the same rows without computing anything. */
export async function benchSeal(db: BenchDatabase): Promise<Measurement[]> {
  const { sql } = db;
  await sql`create table events (id bigserial primary key, actor text not null, n int)`;
  await db.attach("events", { mode: "sealed" });
  const figures = await rounds(3, {
    seal: async () => {
      await sql`insert into events (actor, n) select 'agent-' || g, g from generate_series(1, ${ROWS}) as g`;
      return await milliseconds(async () => await sealAll(sql));
    },
    copy: async () => await copyLinks(sql, ROWS),
  });
  return [
    held(
      "seal 100,000 rows",
      figures.seal,
      { name: "INSERT … SELECT of the same rows", figures: figures.copy },
      { unit: "ms", target: { ratio: 1.7, is: "at most" } },
    ),
  ];
}
