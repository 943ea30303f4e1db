import { verify } from "@scidex/audit-verifier";
import type { Sql } from "postgres";
import { type BenchDatabase, sealAll } from "./database.ts";
import { held, type Measurement, median, milliseconds, rounds } from "./measure.ts";
import { Publisher } from "./verify.ts";

const TABLES = 500;
const SCHEMAS = 4;
const ROWS = 30;

/** Hundreds of small tables, against one with as many rows. */
export async function benchTables(db: BenchDatabase): Promise<Measurement[]> {
  const names = Array.from({ length: TABLES }, (_, i) => `part_${i % SCHEMAS}.table_${i}`);
  for (let i = 0; i < SCHEMAS; i++) await db.sql.unsafe(`create schema part_${i}`);
  const created = await milliseconds(async () => {
    for (const name of names) await create(db.sql, name);
  });
  const attached = await milliseconds(async () => {
    for (const name of names) await db.attach(name, { mode: "sealed" });
  });
  for (const name of names) await fill(db.sql, name, ROWS);
  const one = await db.another();
  try {
    await create(one.sql, "one_table");
    await one.attach("one_table", { mode: "sealed" });
    await fill(one.sql, "one_table", TABLES * ROWS);
    const [ofMany, ofOne] = [await verification(db.sql), await verification(one.sql)];
    const figures = await rounds(5, { many: ofMany, one: ofOne });
    return [
      held(
        `verify ${TABLES} tables of ${ROWS} rows, all checks`,
        figures.many,
        { name: "one table with as many rows", figures: figures.one },
        { unit: "ms", target: { ratio: 5, is: "at most" }, note: `${median(figures.one).toFixed(0)} ms` },
      ),
      held(
        `attach ${TABLES} tables`,
        [attached],
        { name: "creating them", figures: [created] },
        { unit: "ms", note: `${(attached / TABLES).toFixed(0)} ms a table` },
      ),
    ];
  } finally {
    await one.end();
  }
}

async function create(sql: Sql, name: string): Promise<void> {
  await sql.unsafe(
    `create table ${name} (id bigserial primary key, actor text not null, action text not null, n int, created_at timestamptz not null default now())`,
  );
}

async function fill(sql: Sql, name: string, rows: number): Promise<void> {
  await sql.unsafe(
    `insert into ${name} (actor, action, n) select 'agent-' || g, 'wrote a paragraph', g from generate_series(1, ${rows}) as g`,
  );
}

/** Publishes all there is, and returns what verifies it. */
async function verification(sql: Sql): Promise<() => Promise<number>> {
  await sealAll(sql);
  await sql`vacuum analyze`;
  const publisher = new Publisher(sql, Number.POSITIVE_INFINITY);
  await publisher.publish();
  return async () =>
    await milliseconds(async () => {
      const { report } = await verify(sql, { heads: [publisher.log], keys: publisher.keys });
      if (report.status !== "intact") throw new Error("the benchmark's own database does not verify");
    });
}
