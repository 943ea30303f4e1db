import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { expect, it } from "vitest";
import { withSnapshot } from "../src/snapshot.ts";
import { openChain } from "./chain-database.ts";

const ROWS = "select g, pg_catalog.repeat('x', 100) from pg_catalog.generate_series(1, 20000) as g";

it("gives its connections back when work fails while a COPY has been asked for and has not begun", async () => {
  const { sql } = await openChain();
  const failed = withSnapshot(sql, async ([first, second]) => {
    await Promise.all([
      first.copy(ROWS, "text"),
      second.attempt(async (lane) => {
        await Promise.all([lane.copy(ROWS, "binary"), Promise.reject(new Error("elsewhere"))]);
      }),
    ]);
  });
  await expect(failed).rejects.toThrow("elsewhere");
  const counts = await withSnapshot(
    sql,
    async (lanes) => await Promise.all(lanes.map(async (lane) => (await lane.query`select 1`).length)),
  );
  expect(counts).toEqual([1, 1]);
});

it("reads what work has left of a COPY, also where the work has succeeded", async () => {
  const { sql } = await openChain();
  const first = await withSnapshot(sql, async ([lane]) => {
    const chunk = await lane.attempt(async (inner) => (await (await inner.copy(ROWS, "text")).next()).value as Buffer);
    expect((await lane.query`select 1`).length).toBe(1);
    return chunk;
  });
  expect(first.toString()).toMatch(/^1\tx{100}\n/u);
});

it("reports an error that comes together with the first rows, each time", async () => {
  const { sql } = await openChain();
  for (let i = 0; i < 40; i++) {
    const failed = withSnapshot(sql, async ([lane]) =>
      lane.attempt(async (inner) => {
        const chunks = await inner.copy("select 1 / (i - 1) from pg_catalog.generate_series(1, 3) as i", "text");
        while ((await chunks.next()).done !== true);
      }),
    );
    await expect(failed).rejects.toThrow("division by zero");
  }
});

it("ends where the connection goes when all of a COPY has come and has not been read", async () => {
  const { sql, url } = await openChain();
  // So much that the stream is paused, and no more than it takes besides.
  for (const rows of [56, 57, 58, 59]) {
    const client = postgres(url, { max: 2, fetch_types: false, onnotice: () => {} });
    const lost = withSnapshot(client, async ([lane]) => {
      const [{ pid } = { pid: 0 }] = await lane.query<{ pid: number }[]>`select pg_catalog.pg_backend_pid() as pid`;
      const query = `select pg_catalog.repeat('x', 10000) from pg_catalog.generate_series(1, ${rows}) as g`;
      const chunks = await lane.copy(query, "text");
      await sleep(50);
      await sql`select pg_terminate_backend(${pid})`;
      await sleep(50);
      while ((await chunks.next()).done !== true);
    });
    await expect(lost).rejects.toThrow(/CONNECTION|terminating connection/u);
    await client.end({ timeout: 0 });
  }
});

it("holds little of a COPY that nobody reads, however long its rows are", async () => {
  const { sql } = await openChain();
  await withSnapshot(sql, async ([lane]) => {
    const query = "select pg_catalog.repeat('x', 20000000) from pg_catalog.generate_series(1, 10) as g";
    const chunks = await lane.copy(query, "text");
    await sleep(1_000);
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(100_000_000);
    let bytes = 0;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) bytes += next.value.length;
    expect(bytes).toBe(200_000_010);
  });
});

it("hears of the end wherever it is waited for", async () => {
  const { sql } = await openChain();
  await withSnapshot(sql, async ([lane]) => {
    const chunks = await lane.copy("select pg_catalog.pg_sleep(0.2)", "text");
    const all = await Promise.all([chunks.next(), chunks.next(), chunks.next()]);
    expect(all.map(({ done }) => done)).toEqual([false, true, true]);
  });
});
