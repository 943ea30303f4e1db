import { append, appendMany, createBatchWriter, type NewEvent } from "@scidex/audit-writer";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { type BenchDatabase, withClients } from "./database.ts";
import { held, type Measurement, milliseconds, rounds } from "./measure.ts";

const CALLERS = 64;
const MANY = 10_000;
const SINGLE = 20_000;

/** The doors for events without a table. */
export async function benchAppend(db: BenchDatabase): Promise<Measurement[]> {
  return [...(await callers(db)), ...(await many(db)), ...(await inOneTransaction(db))];
}

let next = 0;
const event = (): NewEvent => ({ kind: "bench", pk: String(++next), payload: { actor: "agent-7", n: next } });

/** 64 callers, each of which waits for one event before it records the next. */
async function callers(db: BenchDatabase): Promise<Measurement[]> {
  const client = postgres(db.url, { max: 16, onnotice: () => {} });
  const pool = drizzle(client);
  const eventsPerSecond = async (record: (event: NewEvent) => Promise<unknown>) => {
    const end = performance.now() + 3_000;
    const start = performance.now();
    let done = 0;
    await Promise.all(
      Array.from({ length: CALLERS }, async () => {
        while (performance.now() < end) {
          await record(event());
          done++;
        }
      }),
    );
    return done / ((performance.now() - start) / 1_000);
  };
  const figures = await rounds(3, {
    single: async () => await eventsPerSecond(async (e) => await pool.transaction(async (tx) => await append(tx, e))),
    batch: async () => {
      const writer = createBatchWriter(pool);
      const figure = await eventsPerSecond(async (e) => await writer.append(e));
      await writer.close();
      return figure;
    },
  });
  await client.end();
  return [
    held(
      `batch writer, ${CALLERS} callers`,
      figures.batch,
      { name: "one transaction for each append", figures: figures.single },
      { unit: "events/s", target: { ratio: 15, is: "at least" } },
    ),
  ];
}

async function many(db: BenchDatabase): Promise<Measurement[]> {
  const { sql } = db;
  const target = drizzle(sql);
  let rounded = 0;
  const figures = await rounds(5, {
    many: async () => {
      const events = Array.from({ length: MANY }, event);
      return await milliseconds(async () => await appendMany(target, events));
    },
    // The rows that the chain has for such events, written as a plain program would: one statement, values as parameters.
    plain: async () => {
      rounded++;
      const table = `plain_${rounded}`;
      await sql.unsafe(`create table ${table} (like public.audit_chain including all)`);
      const rows = await sql`
        select seq::text, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, appended_at::text
          from public.audit_chain where event_kind = 'bench' order by seq desc limit ${MANY}`;
      const columns = ["event_kind", "event_pk", "appended_at", "seq"] as const;
      const hashes = ["payload_hash", "event_hash", "prev_hash", "chain_hash"] as const;
      const texts = Object.fromEntries(columns.map((name) => [name, rows.map((row) => String(row[name]))]));
      const bytes = Object.fromEntries(
        hashes.map((name) => [name, rows.map((row) => `\\x${(row[name] as Buffer).toString("hex")}`)]),
      );
      const figure = await milliseconds(async () => {
        await sql.unsafe(
          `insert into ${table} (seq, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, appended_at)
           select s::bigint, k, p, ph::bytea, eh::bytea, vh::bytea, ch::bytea, a::timestamptz
             from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
               as e(s, k, p, ph, eh, vh, ch, a)`,
          [
            texts["seq"] ?? [],
            texts["event_kind"] ?? [],
            texts["event_pk"] ?? [],
            ...hashes.map((name) => bytes[name] ?? []),
            texts["appended_at"] ?? [],
          ],
        );
      });
      await sql.unsafe(`drop table ${table}`);
      return figure;
    },
  });
  return [
    held(
      "appendMany, 10,000 events",
      figures.many,
      { name: "one plain multi-row INSERT of the same rows", figures: figures.plain },
      { unit: "ms", target: { ratio: 2, is: "at most" } },
    ),
  ];
}

async function inOneTransaction(db: BenchDatabase): Promise<Measurement[]> {
  await db.sql`create table plain_events (id bigserial primary key, kind text not null, pk text not null, payload jsonb)`;
  const run = (count: number, work: (tx: ReturnType<typeof drizzle>) => Promise<unknown>) => async () =>
    await withClients(db.url, 1, async ([client]) => {
      if (client === undefined) return Number.NaN;
      const target = drizzle(client);
      await target.execute("begin");
      const figure = await milliseconds(async () => {
        for (let i = 0; i < count; i++) await work(target);
        await target.execute("commit");
      });
      return figure;
    });
  const one = async (tx: ReturnType<typeof drizzle>) => await append(tx, event());
  const figures = await rounds(3, {
    plain: run(SINGLE, async (tx) => {
      const { kind, pk } = event();
      return await tx.execute(
        `insert into plain_events (kind, pk, payload) values ('${kind}', '${String(pk)}', '{"actor":"agent-7","n":1}')`,
      );
    }),
    once: run(SINGLE, one),
    twice: run(2 * SINGLE, one),
  });
  return [
    held(
      "20,000 append in one transaction",
      figures.once,
      { name: "20,000 plain inserts", figures: figures.plain },
      { unit: "ms", target: { ratio: 4, is: "at most" } },
    ),
    held(
      "40,000 of them",
      figures.twice,
      { name: "20,000 of them", figures: figures.once },
      { unit: "ms", target: { ratio: 2.3, is: "at most" } },
    ),
  ];
}
