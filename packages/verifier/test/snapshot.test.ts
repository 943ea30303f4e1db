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
