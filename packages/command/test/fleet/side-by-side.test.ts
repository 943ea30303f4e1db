import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { sideBySide } from "../../src/fleet/side-by-side.ts";

const ITEMS = Array.from({ length: 12 }, (_, i) => i);

describe("work side by side", () => {
  it("is done for each item once, so many at a time", async () => {
    const [done, at] = [[] as number[], { now: 0, most: 0 }];
    await sideBySide(ITEMS, { atOnce: 3, patienceMs: 60_000 }, async (item) => {
      at.most = Math.max(at.most, ++at.now);
      await sleep(5);
      at.now--;
      done.push(item);
    });
    expect(done.toSorted((a, b) => a - b)).toEqual(ITEMS);
    expect(at.most).toBe(3);
  });

  it("goes on past those that hang", async () => {
    const hanging = Promise.withResolvers<void>();
    const done: number[] = [];
    const all = sideBySide(ITEMS, { atOnce: 2, patienceMs: 50 }, async (item) => {
      if (item < 4) await hanging.promise;
      done.push(item);
      if (done.length === 8) hanging.resolve();
    });
    await all;
    expect(done.toSorted((a, b) => a - b)).toEqual(ITEMS);
    expect(done.slice(0, 8)).toEqual(ITEMS.slice(4));
  });

  it("is nothing where there is nothing to do", async () => {
    const never = async (): Promise<never> => await Promise.reject(new Error("never"));
    await expect(sideBySide([], { atOnce: 2, patienceMs: 50 }, never)).resolves.toBeUndefined();
  });
});
