// Shards of a log's files: each reads its own links and the tiles above them, and together they find what one run finds.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { leafText, parseLeaf, sha256, TILE_WIDTH } from "@scidex/audit-core";
import type { Sink } from "@scidex/audit-sinks";
import { describe, expect, it } from "vitest";
import { verifyBundle } from "../../src/index.ts";
import { mergeReports } from "../../src/shards/merge-reports.ts";
import { opened, SECRET } from "../shards/sharded.ts";
import { honestLeaves, makeBundle, trust } from "./made-bundle.ts";

const NOW = Date.UTC(2026, 11, 1);

const runAll = async (sink: Sink, of: number) =>
  await Promise.all(
    Array.from({ length: of }, async (_, k) => {
      const verification = await verifyBundle(sink, trust, { now: NOW, shard: { number: k + 1, of } });
      return { number: k + 1, ...verification };
    }),
  );

async function together(sink: Sink, of: number): Promise<string[]> {
  const { report } = mergeReports(opened(await runAll(sink, of), of), SECRET.run);
  const { status, rows, range, divergences } = report;
  return [
    `${status} ${rows} ${range.from}-${range.to}`,
    ...divergences.map(({ check, seq }) => `${check} ${seq ?? ""}`.trim()),
  ];
}

/** The same sink, which says what was read. */
function watched(sink: Sink): { readonly sink: Sink; readonly read: string[] } {
  const read: string[] = [];
  const { files } = sink;
  if (files === undefined) throw new Error("there is no tree");
  const proxy = new Proxy(files, {
    get: (target, name) =>
      name === "read"
        ? async (path: string) => {
            read.push(path);
            return await target.read(path);
          }
        : (Reflect.get(target, name) as unknown),
  });
  return {
    sink: new Proxy(sink, { get: (target, name) => (name === "files" ? proxy : Reflect.get(target, name)) }),
    read,
  };
}

describe("shards of a log in files", () => {
  it.each([
    [1, [1]],
    [257, [256, 257]],
    [700, [1, 255, 256, 300, 512, 513, 700]],
    [700, [700]],
  ])("of %d links, published at %j, vouch for it together", async (size, heads) => {
    const { sink } = await makeBundle(honestLeaves(size), heads);
    for (const of of [1, 2, 3, 4, 9]) expect(await together(sink, of)).toEqual([`intact ${size} 1-${size}`]);
  });

  it("read their own entries, and no others", async () => {
    const { sink } = await makeBundle(
      honestLeaves(2_560),
      Array.from({ length: 20 }, (_, n) => 128 * (n + 1)),
    );
    const shards = Array.from({ length: 4 }, async (_, k) => {
      const { sink: seen, read } = watched(sink);
      const { report } = await verifyBundle(seen, trust, { now: NOW, shard: { number: k + 1, of: 4 } });
      expect(report).toMatchObject({ status: "intact", rows: 640n });
      return read.filter((path) => path.includes("entries/")).length;
    });
    const entries = await Promise.all(shards);
    expect(Math.max(...entries)).toBeLessThanOrEqual(4);
  });

  const edited = (leaf: string): string => leafText({ ...parseLeaf(leaf), payloadHash: sha256("x") });
  it.each([1, 2, 256, 257, 299, 300, 301, 512, 700])("find an edit of link %d that was signed", async (seq) => {
    const leaves = honestLeaves(700).map((leaf, i) => (i === seq - 1 ? edited(leaf) : leaf));
    const { sink } = await makeBundle(leaves, [300, 512, 700]);
    for (const of of [2, 3]) {
      const [status, ...findings] = await together(sink, of);
      expect(status).toContain("tampered");
      expect(findings).toContain(`chain_hash ${seq}`);
    }
  });

  it("find what was changed in the files of their part, in tiles of every level", async () => {
    const leaves = honestLeaves(66_300);
    const { sink, folder } = await makeBundle(leaves, [10_000, 30_000, 40_000, 65_536, 66_300]);
    // Of three, the second has link 35,000. It is in bundle 136, whose root is the hash 136 of the first tile of level 1.
    const status = async () =>
      (await verifyBundle(sink, trust, { now: NOW, shard: { number: 2, of: 3 } })).report.status;
    expect(await status()).toBe("intact");
    for (const [name, at] of [
      ["entries/136", 40_000],
      ["0/136", 32 * (34_999 % TILE_WIDTH)],
      ["1/000", 32 * 136],
    ] as const) {
      const path = join(folder, "tile", name);
      const bytes = readFileSync(path);
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(path, changed);
      expect([name, await status()]).toEqual([name, "tampered"]);
      writeFileSync(path, bytes);
    }
  }, 120_000);
});
