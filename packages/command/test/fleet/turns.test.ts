import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Turns } from "../../src/index.ts";

const ITEMS = Array.from({ length: 12 }, (_, i) => i);

describe("turns", () => {
  it("are taken by all, in their order, so many at a time", async () => {
    const [begun, at] = [[] as number[], { now: 0, most: 0 }];
    const turns = new Turns({ atOnce: 3, patienceMs: 60_000 });
    const work = async (item: number): Promise<number> => {
      begun.push(item);
      at.most = Math.max(at.most, ++at.now);
      await sleep(5);
      at.now--;
      return item;
    };
    const done = await Promise.all(ITEMS.map(async (item) => await turns.take(async () => await work(item))));
    expect([done, begun]).toEqual([ITEMS, ITEMS]);
    expect(at.most).toBe(3);
  });

  it("are given away by those that hang", async () => {
    const hanging = Promise.withResolvers<void>();
    const done: number[] = [];
    const turns = new Turns({ atOnce: 2, patienceMs: 50 });
    const work = async (item: number): Promise<void> => {
      if (item < 4) await hanging.promise;
      done.push(item);
      if (done.length === 8) hanging.resolve();
    };
    await Promise.all(ITEMS.map(async (item) => await turns.take(async () => await work(item))));
    expect(done.slice(0, 8)).toEqual(ITEMS.slice(4));
  });

  it("are given back by those that fail", async () => {
    const turns = new Turns({ atOnce: 1, patienceMs: 60_000 });
    const failing = turns.take(async () => await Promise.reject(new Error("no")));
    const next = turns.take(async () => await Promise.resolve("done"));
    await expect(failing).rejects.toThrow("no");
    expect(await next).toBe("done");
  });
});
