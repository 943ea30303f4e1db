import { setTimeout as sleep } from "node:timers/promises";
import { createDatabase, type TestDatabase } from "@scidex/audit-testkit";
import postgres from "postgres";
import { expect, it, onTestFinished } from "vitest";
import { type Chunks, type Lane, type Relation, type Snapshot, withSnapshot } from "../../src/index.ts";

async function openDatabase(): Promise<TestDatabase> {
  const database = await createDatabase();
  onTestFinished(async () => await database.drop());
  return database;
}

/** A table `big` with rows of text. */
async function openBig(rows = 20_000, length = 100): Promise<TestDatabase> {
  const database = await openDatabase();
  const { sql } = database;
  await sql`create table public.big (id int, body text)`;
  await sql`alter table public.big alter body set storage external`;
  await sql`insert into public.big select g, repeat('x', ${length}::int) from generate_series(1, ${rows}::int) as g`;
  return database;
}

async function bigOf(lane: Lane): Promise<Relation> {
  const catalog = await lane.catalog();
  const relation = catalog.relation("public", "big");
  if (relation === undefined) throw new Error("no table big");
  await catalog.need(lane, [relation.oid]);
  const attributes = catalog.attributesOf(relation.oid);
  return {
    schema: "public",
    name: "big",
    oid: Number(relation.oid),
    attributes: new Map(attributes.map(({ name, number }) => [name, number])),
    types: new Map(attributes.map(({ name, type }) => [name, Number(type)])),
  };
}

async function scan(lane: Lane, format: "binary" | "text" = "text", columns = ["id", "body"]): Promise<Chunks> {
  return await lane.scan(await bigOf(lane), columns, format);
}

/** Reads to the end. */
async function bytesOf(chunks: Chunks): Promise<number> {
  let bytes = 0;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) bytes += next.value.length;
  return bytes;
}

/** Bytes that each lane can still read. */
const usable = async (lanes: Snapshot): Promise<number[]> =>
  await Promise.all(lanes.map(async (lane) => await bytesOf(await scan(lane))));

const ALL = 20_000 * 102 + 9 + 90 * 2 + 900 * 3 + 9_000 * 4 + 10_001 * 5;

it("ends when work fails while a COPY has been asked for and has not begun, and opens others afterwards", async () => {
  const { sql } = await openBig();
  const failed = withSnapshot(sql, async ([first, second]) => {
    await Promise.all([
      scan(first),
      second.attempt(async (lane) => {
        await Promise.all([scan(lane, "binary"), Promise.reject(new Error("elsewhere"))]);
      }),
    ]);
  });
  await expect(failed).rejects.toThrow("elsewhere");
  expect(await withSnapshot(sql, usable)).toEqual([ALL, ALL]);
});

it("reads what work has left of a COPY, also where the work has succeeded", async () => {
  const { sql } = await openBig();
  const first = await withSnapshot(sql, async (lanes) => {
    const chunk = await lanes[0].attempt(async (inner) => (await (await scan(inner)).next()).value as Buffer);
    expect(await usable(lanes)).toEqual([ALL, ALL]);
    return chunk;
  });
  expect(first.toString()).toMatch(/^1\tx{100}\n/u);
});

it("gives the locks of an attempt back, and what it has set", async () => {
  const { sql } = await openBig();
  await withSnapshot(sql, async ([lane]) => {
    await bigOf(lane);
    await lane.attempt(async (inner) => await inner.lock([{ schema: "public", name: "big" }]));
    await lane
      .attempt(async (inner) => {
        await inner.plan(["enable_seqscan = off"]);
        await inner.lock([{ schema: "public", name: "big" }]);
        throw new Error("elsewhere");
      })
      .catch(() => {});
    await sql`set lock_timeout = '10s'`;
    await sql`alter table public.big add more int`;
  });
  expect(await withSnapshot(sql, async ([lane]) => (await bigOf(lane)).attributes.has("more"))).toBe(true);
});

it("reports an error that comes together with the first rows, each time", async () => {
  const { sql } = await openDatabase();
  await sql.unsafe("create type public.mood as enum ('fine', 'odd')");
  await sql.unsafe("create table public.big as select unnest(array['fine', 'odd', 'fine'])::public.mood as mood");
  await sql.unsafe("delete from pg_catalog.pg_enum where enumlabel = 'odd'");
  for (let i = 0; i < 20; i++) {
    const failed = withSnapshot(sql, async ([lane]) =>
      lane.attempt(async (inner) => await bytesOf(await scan(inner, "text", ["mood"]))),
    );
    await expect(failed).rejects.toThrow("invalid internal value for enum");
  }
});

it("ends where the connection goes when all of a COPY has come and has not been read", async () => {
  // So much that the stream is paused, and no more than it takes besides.
  for (const rows of [56, 57, 58, 59]) {
    const { sql, url, name } = await openBig(rows, 10_000);
    const client = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    const lost = withSnapshot(client, async ([lane]) => {
      const chunks = await scan(lane);
      await sleep(50);
      const killed = await sql`
        select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name} and query like 'copy%'`;
      expect(killed.length).toBeGreaterThan(0);
      await sleep(50);
      await bytesOf(chunks);
    });
    await expect(lost).rejects.toThrow(/CONNECTION|connection was lost|terminating connection/u);
    await client.end({ timeout: 0 });
  }
});

it("holds little of a COPY that nobody reads, however long its rows are", async () => {
  const { sql } = await openBig(10, 20_000_000);
  await withSnapshot(sql, async ([lane]) => {
    const chunks = await scan(lane, "text", ["body"]);
    await sleep(1_000);
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(100_000_000);
    expect(await bytesOf(chunks)).toBe(200_000_010);
  });
});

it("hears of the end wherever it is waited for", async () => {
  const { sql } = await openBig(1);
  await withSnapshot(sql, async ([lane]) => {
    const chunks = await scan(lane);
    const all = await Promise.all([chunks.next(), chunks.next(), chunks.next()]);
    expect(all.map(({ done }) => done)).toEqual([false, true, true]);
  });
});
