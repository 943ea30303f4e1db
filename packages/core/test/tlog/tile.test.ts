import { describe, expect, it } from "vitest";
import {
  formatEntryBundle,
  inclusionRanges,
  lastTiles,
  parseEntryBundle,
  rootsFromTiles,
  sha256,
  type Tile,
  tileAt,
  tileHashes,
  tilePath,
  tileRoot,
  tilesOf,
  toHex,
} from "../../src/index.ts";
import { codeOf } from "../code-of.ts";
import { vectors } from "../vectors.ts";
import { leafAt, rootOf, rootsOf } from "./plain-tree.ts";

/** A tile by its definition: the roots of 256^level leaves each. */
function tileBytes({ level, index, width }: Tile): Uint8Array {
  if (level === "entries")
    return formatEntryBundle(Array.from({ length: width }, (_, at) => Buffer.from(`leaf ${Number(index) * 256 + at}`)));
  const leaves = 256 ** level;
  const first = Number(index) * 256;
  return Buffer.concat(
    Array.from({ length: width }, (_, at) => rootOf((first + at) * leaves, (first + at + 1) * leaves)),
  );
}

const served = (tiles: readonly Tile[]): Map<string, Uint8Array> =>
  new Map(tiles.map((tile) => [tilePath(tile), tileBytes(tile)]));

/** Every tile of a tree, by level and place. */
function allTiles(size: bigint): Tile[] {
  return (["entries", 0, 1, 2, 3] as const).flatMap((level) => {
    const hashes = level === "entries" ? size : size >> BigInt(8 * level);
    return Array.from({ length: Number((hashes + 255n) / 256n) }, (_, at) => tileAt(size, level, BigInt(at)));
  });
}

describe("tiles", () => {
  const go = vectors("tiles") as {
    paths: { level: number; index: string; width: number; path: string }[];
    trees: { size: string; tiles: string[]; digest: string }[];
  };

  it("have the paths that torchwood gives them", () => {
    for (const { level, index, width, path } of go.paths)
      expect(tilePath({ level: level === -1 ? "entries" : level, index: BigInt(index), width })).toBe(path);
  });

  it.each(go.trees)("are those of Go's tlog and torchwood for $size leaves", ({ size, tiles, digest }) => {
    const own = allTiles(BigInt(size));
    expect(own.map(tilePath).toSorted()).toEqual(tiles);
    const sums = own.map((tile) => `${tilePath(tile)} ${toHex(sha256(tileBytes(tile)))}\n`).toSorted();
    expect(toHex(sha256(sums.join("")))).toBe(digest);
  });

  it("of the specification's 70,000 leaves end as it says", () => {
    expect(lastTiles(70_000n).map(tilePath)).toEqual(["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    expect(lastTiles(256n).map(tilePath)).toEqual(["tile/0/000", "tile/1/000.p/1"]);
    expect(lastTiles(0n)).toEqual([]);
    expect(codeOf(() => tileAt(256n, 0, 1n))).toBe("tree_range");
    expect(codeOf(() => tileAt(256n, "entries", -1n))).toBe("tree_range");
  });

  it("give every proof of every tree to 33, and some of each to 300 and of larger ones", () => {
    const trees = [...Array.from({ length: 300 }, (_, at) => at + 1), 511, 512, 513, 65_535, 65_536, 65_793];
    for (const size of trees) {
      const some = [0, 255, 256, size >> 1, size - 1].filter((index) => index < size);
      const indexes = size <= 33 ? Array.from({ length: size }, (_, at) => at) : some;
      const tiles = served(lastTiles(BigInt(size)));
      for (const index of indexes) {
        const ranges = inclusionRanges(BigInt(index), BigInt(size));
        const needed = tilesOf(ranges, BigInt(size));
        for (const tile of needed) if (!tiles.has(tilePath(tile))) tiles.set(tilePath(tile), tileBytes(tile));
        const roots = rootsFromTiles(ranges, BigInt(size), tiles);
        expect(Buffer.concat(roots).equals(Buffer.concat(rootsOf(ranges)))).toBe(true);
      }
      if (size > 33 && size % 16 !== 0) continue;
      const whole = [{ from: 0n, to: BigInt(size) }];
      const [root = leafAt(0)] = rootsFromTiles(whole, BigInt(size), served(tilesOf(whole, BigInt(size))));
      expect(toHex(root)).toBe(toHex(rootOf(0, size)));
    }
  });

  it("are few for a proof among a million leaves", () => {
    const counts = [0n, 1n, 255n, 499_999n, 983_041n, 999_998n, 999_999n].map(
      (index) => tilesOf(inclusionRanges(index, 1_000_000n), 1_000_000n).length,
    );
    expect(Math.max(...counts)).toBeLessThanOrEqual(5);
  });

  it("are refused where they are missing, cut or too long", () => {
    const ranges = inclusionRanges(2n, 5n);
    const bytes = tileBytes(tileAt(5n, 0, 0n));
    const roots = (content: Uint8Array) => () => rootsFromTiles(ranges, 5n, new Map([["tile/0/000.p/5", content]]));
    expect(codeOf(roots(bytes))).toBe("none");
    expect(codeOf(roots(bytes.subarray(1)))).toBe("tile_malformed");
    expect(codeOf(roots(Buffer.concat([bytes, leafAt(5)])))).toBe("tile_malformed");
    expect(codeOf(() => rootsFromTiles(ranges, 5n, new Map()))).toBe("tile_malformed");
    expect(codeOf(() => tilesOf([{ from: 4n, to: 6n }], 5n))).toBe("tree_range");
    expect(tileRoot(tileHashes(tileBytes(tileAt(512n, 0, 1n)), 256))).toEqual(rootOf(256, 512));
  });

  it("bundle entries behind their lengths, and refuse bundles of any other form", () => {
    const entries = ["", "a", "ü".repeat(300), "x".repeat(65_535)].map((text) => Buffer.from(text));
    const bytes = formatEntryBundle(entries);
    expect(parseEntryBundle(bytes, 4).map((entry) => Buffer.from(entry))).toEqual(entries);
    expect(Buffer.from(formatEntryBundle([Buffer.from("first")])).toString("hex")).toBe("00056669727374");
    for (const [content, width] of [
      [bytes, 3],
      [bytes, 5],
      [bytes.subarray(0, -1), 4],
      [bytes.subarray(0, 1), 1],
      [Buffer.concat([bytes, Buffer.from([0])]), 4],
    ] as const)
      expect(codeOf(() => parseEntryBundle(content, width))).toBe("tile_malformed");
    expect(codeOf(() => formatEntryBundle([new Uint8Array(65_536)]))).toBe("tile_malformed");
  });
});
