import { setTimeout as sleep } from "node:timers/promises";
import { TILE_WIDTH, tilePath } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { readAhead } from "../../src/s3/read-ahead.ts";

const pathOf = (index: number): string => tilePath({ level: "entries", index: BigInt(index), width: TILE_WIDTH });

/** Files with their path as content, up to some index. */
function folder(count: number) {
  const asked: string[] = [];
  let [reading, most] = [0, 0];
  const files = readAhead({
    read: async (path) => {
      asked.push(path);
      most = Math.max(most, ++reading);
      await sleep(1);
      reading -= 1;
      if (path.endsWith("entries/013")) throw new Error("connection lost");
      const index = Number(path.replaceAll(/.*entries|\D/gu, ""));
      return index < count ? Buffer.from(path) : undefined;
    },
  });
  return { files, asked, most: () => most };
}

describe("reading ahead", () => {
  it("gives each file once to whoever goes through them, some of them fetched at once", async () => {
    const { files, asked, most } = folder(1_030);
    for (let index = 990; index < 1_030; index++)
      expect((await files.read(pathOf(index)))?.toString()).toBe(pathOf(index));
    expect(asked.filter((path) => path <= pathOf(1_029))).toHaveLength(40);
    expect(new Set(asked).size).toBe(asked.length);
    expect(most()).toBe(9);
    expect(await files.read(pathOf(1_030))).toBeUndefined();
  });

  it("fetches nothing ahead for whoever asks here and there", async () => {
    const { files, asked } = folder(1_000);
    for (const path of [pathOf(7), pathOf(500), pathOf(8), "checkpoint", "tile/entries/009.p/4", "tile/0/009"])
      await files.read(path);
    expect(asked).toHaveLength(6);
  });

  it("fails where the file is that cannot be read, and not before", async () => {
    const { files } = folder(100);
    for (let index = 10; index < 13; index++) expect(await files.read(pathOf(index))).toBeDefined();
    await sleep(5);
    await expect(files.read(pathOf(13))).rejects.toThrow("connection lost");
    expect(await files.read(pathOf(14))).toBeDefined();
  });
});
