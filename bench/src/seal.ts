import type { BenchDatabase } from "./database.ts";
import { type Measurement, median, milliseconds, ratioOf, rounds } from "./measure.ts";

const ROWS = 100_000;

/** Linking what is pending, against writing the same rows without computing anything. */
export async function benchSeal(db: BenchDatabase): Promise<Measurement[]> {
  const { sql } = db;
  await sql`create table events (id bigserial primary key, actor text not null, n int)`;
  await db.attach("events", { mode: "sealed" });
  const figures = await rounds(3, {
    seal: async () => {
      await sql`insert into events (actor, n) select 'agent-' || g, g from generate_series(1, ${ROWS}) as g`;
      return await milliseconds(async () => {
        for (let n = 1; n > 0;) n = Number((await sql`select public.audit_chain_seal(10000) as n`)[0]?.["n"] ?? 0);
      });
    },
    copy: async () => {
      await sql`create table same_rows (like public.audit_chain including all)`;
      const figure = await milliseconds(
        async () =>
          await sql`insert into same_rows select * from (select * from public.audit_chain order by seq limit ${ROWS}) as c`,
      );
      await sql`drop table same_rows`;
      return figure;
    },
  });
  return [
    {
      name: "seal 100,000 rows",
      value: median(figures.seal),
      unit: "ms",
      against: { name: "INSERT … SELECT of the same rows", value: median(figures.copy) },
      ratio: ratioOf(figures.seal, figures.copy),
      target: { ratio: 1.7, is: "at most" },
    },
  ];
}
