import { backfill } from "@scidex/audit-backfill";
import type { BenchDatabase } from "./database.ts";
import { type Measurement, median, milliseconds, ratioOf, rounds } from "./measure.ts";

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
    copy: async () => {
      if (round === 0) return Number.NaN;
      await sql`create table same_rows (like public.audit_chain including all)`;
      const figure = await milliseconds(
        async () =>
          await sql`insert into same_rows select * from (select * from public.audit_chain order by seq limit ${ROWS}) as c`,
      );
      await sql`drop table same_rows`;
      return figure;
    },
  });
  // The first round's copy comes after its backfill only if that went first.
  const pairs = figures.copy
    .map((copy, i) => [figures.backfill[i] ?? Number.NaN, copy] as const)
    .filter(([, copy]) => !Number.isNaN(copy));
  return [
    {
      name: "backfill 500,000 rows",
      value: median(pairs.map(([value]) => value)),
      unit: "ms",
      against: { name: "INSERT … SELECT of the same rows", value: median(pairs.map(([, copy]) => copy)) },
      ratio: ratioOf(
        pairs.map(([value]) => value),
        pairs.map(([, copy]) => copy),
      ),
      target: { ratio: 3, is: "at most" },
    },
  ];
}
