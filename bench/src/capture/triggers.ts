import type { Sql } from "postgres";
import { type BenchDatabase, sealAll, throughput, withClients } from "../database.ts";
import { held, type Measurement, median, milliseconds, ratioOf, rounds } from "../measure.ts";
import { COLUMNS, insertInto, insertMany } from "./rows.ts";

const BULK_ROWS = 50_000;
const SINGLE_ROWS = 20_000;

/** What auditing a table by triggers costs those who write to it. */
export async function benchTriggers(db: BenchDatabase): Promise<Measurement[]> {
  const { sql } = db;
  for (const name of ["plain", "strict", "sealed", "textbook"]) await sql.unsafe(`create table ${name} ${COLUMNS}`);
  await db.attach("strict", { mode: "strict" });
  await db.attach("sealed", { mode: "sealed" });
  await makeTextbook(sql);
  await sql.unsafe("create table shared_row (id int primary key, n bigint not null)");
  await sql.unsafe("insert into shared_row values (1, 0)");
  return [...(await singles(db)), ...(await bulk(sql)), ...(await oneTransaction(db)), ...(await besideIdle(db))];
}

/** The design that most chains start with: a row trigger that locks the newest row. It forks; see the number of forks. */
async function makeTextbook(sql: Sql): Promise<void> {
  await sql.unsafe(`
    create table textbook_chain (seq bigserial primary key, row_id bigint, prev_hash bytea, chain_hash bytea);
    create function textbook_link() returns trigger language plpgsql as $$
    declare head bytea;
    begin
      select chain_hash into head from textbook_chain order by seq desc limit 1 for update;
      head := coalesce(head, '\\x00');
      insert into textbook_chain (row_id, prev_hash, chain_hash)
        values (new.id, head, sha256(head || convert_to(row_to_json(new)::text, 'UTF8')));
      return new;
    end $$;
    create trigger textbook_link before insert on textbook for each row execute function textbook_link();`);
}

async function singles(db: BenchDatabase): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const clients of [1, 16]) {
    const figures = await withClients(db.url, clients, async (all) => {
      const run = (table: string) => async () => await throughput(all, 2_000, insertInto(table));
      return await rounds(3, {
        plain: run("plain"),
        strict: run("strict"),
        sealed: async () => {
          const figure = await throughput(all, 2_000, insertInto("sealed"));
          await sealAll(db.sql);
          return figure;
        },
        textbook: run("textbook"),
        shared: async () =>
          await throughput(all, 2_000, async (client) => await client`update shared_row set n = n + 1 where id = 1`),
      });
    });
    const at = `${clients} client${clients === 1 ? "" : "s"}`;
    const plain = { name: "unaudited", value: median(figures.plain) };
    measurements.push(
      { name: `unaudited, ${at}`, value: plain.value, unit: "tx/s" },
      {
        name: `sealed, ${at}`,
        value: median(figures.sealed),
        unit: "tx/s",
        against: plain,
        ratio: ratioOf(figures.sealed, figures.plain),
        ...(clients === 16 ? { target: { ratio: 0.75, is: "at least" } as const } : {}),
      },
      held(
        `strict, ${at}`,
        figures.strict,
        { name: "one shared row updated and committed", figures: figures.shared },
        {
          unit: "tx/s",
          ...(clients === 16 ? { target: { ratio: 0.85, is: "at least" } as const } : {}),
          note: `${ratioOf(figures.strict, figures.plain).toFixed(2)} of unaudited`,
        },
      ),
      {
        name: `textbook row trigger, ${at}`,
        value: median(figures.textbook),
        unit: "tx/s",
        against: plain,
        ratio: ratioOf(figures.textbook, figures.plain),
        note: `${await forks(db.sql)} forked links`,
      },
    );
  }
  return measurements;
}

async function forks(sql: Sql): Promise<number> {
  const [row] = await sql<{ n: string }[]>`
    select count(*)::text as n from (
      select prev_hash, lag(chain_hash) over (order by seq) as before from textbook_chain) as c
     where before is not null and prev_hash <> before`;
  return Number(row?.n ?? 0);
}

async function bulk(sql: Sql): Promise<Measurement[]> {
  const run = (table: string) => async () => await milliseconds(async () => await insertMany(sql, table, BULK_ROWS));
  const figures = await rounds(5, { plain: run("plain"), sealed: run("sealed"), strict: run("strict") });
  const unaudited = { name: "unaudited", figures: figures.plain };
  return [
    { name: "50,000 rows in one INSERT, unaudited", value: median(figures.plain), unit: "ms" },
    held("the same, sealed", figures.sealed, unaudited, { unit: "ms", target: { ratio: 2, is: "at most" } }),
    held("the same, strict", figures.strict, unaudited, { unit: "ms", target: { ratio: 4, is: "at most" } }),
  ];
}

async function oneTransaction(db: BenchDatabase): Promise<Measurement[]> {
  const run = (table: string, count: number) => async () =>
    await withClients(db.url, 1, async ([client]) => {
      if (client === undefined) return Number.NaN;
      return await milliseconds(async () => {
        await client.unsafe("begin");
        for (let i = 0; i < count; i++) await insertInto(table)(client);
        await client.unsafe("commit");
      });
    });
  const figures = await rounds(3, {
    plain: run("plain", SINGLE_ROWS),
    strict: run("strict", SINGLE_ROWS),
    sealed: run("sealed", SINGLE_ROWS),
    twice: run("strict", 2 * SINGLE_ROWS),
  });
  const unaudited = { name: "unaudited", figures: figures.plain };
  return [
    { name: "20,000 single inserts in one transaction, unaudited", value: median(figures.plain), unit: "ms" },
    held("the same, sealed", figures.sealed, unaudited, { unit: "ms", target: { ratio: 4, is: "at most" } }),
    held("the same, strict", figures.strict, unaudited, { unit: "ms", target: { ratio: 4, is: "at most" } }),
    held(
      "40,000 of them, strict",
      figures.twice,
      { name: "20,000 of them", figures: figures.strict },
      { unit: "ms", target: { ratio: 2.3, is: "at most" } },
    ),
  ];
}

/** A long snapshot keeps dead rows alive: whatever writes the same row again and again gets slower and slower. */
async function besideIdle(db: BenchDatabase): Promise<Measurement[]> {
  const strict = async () =>
    await withClients(db.url, 16, async (all) => await throughput(all, 5_000, insertInto("strict")));
  const figures = await rounds(3, {
    alone: strict,
    beside: async () =>
      await withClients(db.url, 1, async ([idle]) => {
        if (idle === undefined) return Number.NaN;
        await idle.unsafe("begin isolation level repeatable read");
        await idle.unsafe("select count(*) from audit_chain_lock");
        await strict();
        const figure = await strict();
        await idle.unsafe("commit");
        return figure;
      }),
  });
  return [
    held(
      "strict, 16 clients, beside an idle REPEATABLE READ session",
      figures.beside,
      { name: "without it", figures: figures.alone },
      { unit: "tx/s", target: { ratio: 0.9, is: "at least" } },
    ),
  ];
}
