import { backfill } from "@scidex/audit-backfill";
import { type BenchDatabase, copyLinks } from "./database.ts";
import { held, type Measurement, milliseconds, rounds } from "./measure.ts";

const ROWS = 500_000;

/** Chaining rows that were there before, against writing the same links without computing anything. */
export async function benchBackfill(db: BenchDatabase): Promise<Measurement[]> {
  const { sql } = db;
  let round = 0;
  const figures = await rounds(3, {
    backfill: async () => {
      const table = `events_${++round}`;
      await sql.unsafe(`create table ${table} (id bigserial primary key, actor text not null, n int)`);
      await sql.unsafe(`insert into ${table} (actor, n) select 'agent-' || g, g from generate_series(1, ${ROWS}) as g`);
      await db.attach(table, { mode: "sealed" });
      return await milliseconds(async () => await backfill(sql, { tables: [table] }));
    },
    copy: async () => await copyLinks(sql, ROWS),
  });
  return [
    held(
      "backfill 500,000 rows",
      figures.backfill,
      { name: "INSERT … SELECT of the same rows", figures: figures.copy },
      { unit: "ms", target: { ratio: 3, is: "at most" } },
    ),
  ];
}
