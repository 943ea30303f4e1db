import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  FrontierBuilder,
  type Leaf,
  leafHash,
  leafText,
  parseCheckpoint,
  parseEntryBundle,
  parseKeyFile,
  parseNote,
  rootsFromTiles,
  sameBytes,
  sha256,
  signHead,
  signingKeyFromSeed,
  type Tile,
  tileAt,
  tileHashes,
  tilePath,
  tileRoot,
} from "@scidex/audit-core";
import type { Leaves } from "../../src/index.ts";

const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const keys = parseKeyFile(
  `${signingKeyFromSeed("example.org/tiles", 1, seed(7)).signer}\n${signingKeyFromSeed("example.org/tiles/timestamp", 4, seed(8)).signer}\n`,
);

/** What readers of these heads trust. */
export const vkeys: readonly string[] = [keys.log.vkey, keys.timestamp.vkey];

/** The leaf of a seq: the same in every process. */
export function leafOf(seq: bigint): Leaf {
  const hash = sha256(`payload ${seq}`);
  return {
    seq,
    eventKind: "events",
    eventPk: `${seq} ${"ü".repeat(Number(seq % 5n))}`,
    payloadHash: hash,
    beforeHash: null,
    chainHash: sha256(hash),
    appendedAt: "2026-11-30T00:00:00.000000Z",
  };
}

/** The leaves from one seq to another, as the publisher reads them from the chain. */
export const leaves: Leaves = async function* (from, to) {
  for (let seq = from; seq <= to; seq++) yield leafText(leafOf(seq));
};

let tree = new FrontierBuilder();

/** The line of the head of a size. */
export function headLine(size: number, time = 1_800_000_000): string {
  if (tree.size >= size) tree = new FrontierBuilder();
  while (tree.size < size - 1) tree.append(leafHash(leafText(leafOf(tree.size + 1n))));
  return signHead({ keys, leaf: leafOf(BigInt(size)), before: tree.frontier(), time: BigInt(time) });
}

/** Each file that a tree of that size has, of hashes and of leaves. */
export function filesOf(size: bigint): Tile[] {
  const tiles: Tile[] = [];
  for (const level of ["entries", 0, 1, 2, 3] as const) {
    const hashes = level === "entries" ? size : size >> BigInt(8 * level);
    for (let index = 0n; index * 256n < hashes; index++) tiles.push(tileAt(size, level, index));
  }
  return tiles;
}

/** A tile's bytes, also of a partial one from the full one that is there in its place. */
function bytesOf(folder: string, tile: Tile): Uint8Array {
  const path = join(folder, tilePath(tile));
  if (existsSync(path)) return readFileSync(path);
  const full = readFileSync(join(folder, tilePath({ ...tile, width: 256 })));
  return tile.level === "entries" ? full : full.subarray(0, tile.width * 32);
}

/**
 * Checks all that a checkpoint needs: each bundle against its tile, each full tile against the level above, and the root.
 *
 * @returns the checkpoint's size; 0 where none has been shown yet
 */
export function checkTree(folder: string, note = shown(folder)): bigint {
  if (note === undefined) return 0n;
  const { size, root } = parseCheckpoint(parseNote(note).text);
  const tiles = new Map<string, Uint8Array>();
  for (const tile of filesOf(size)) {
    const bytes = bytesOf(folder, tile);
    tiles.set(tilePath(tile), bytes);
    if (tile.level === "entries") {
      const partOfFull = !existsSync(join(folder, tilePath(tile)));
      const entries = parseEntryBundle(bytes, partOfFull ? 256 : tile.width).slice(0, tile.width);
      tiles.set(tilePath(tile), Buffer.concat(entries.map(leafHash)));
    }
  }
  for (const tile of filesOf(size)) {
    const bytes = tiles.get(tilePath(tile)) ?? Buffer.alloc(0);
    const same = tile.level === "entries" ? tiles.get(tilePath({ ...tile, level: 0 })) : bytes;
    if (same === undefined || !sameBytes(same, bytes)) throw new Error(`${tilePath(tile)} is not that of its tile`);
    if (typeof tile.level !== "number" || tile.width < 256) continue;
    const above = tileAt(size, tile.level + 1, tile.index / 256n);
    const hashes = tileHashes(tiles.get(tilePath(above)) ?? Buffer.alloc(0), above.width);
    const hash = hashes[Number(tile.index % 256n)];
    if (hash === undefined || !sameBytes(tileRoot(tileHashes(bytes, 256)), hash))
      throw new Error(`${tilePath(tile)} is not that of the level above`);
  }
  const [computed] = rootsFromTiles([{ from: 0n, to: size }], size, tiles);
  if (computed === undefined || !sameBytes(computed, root)) throw new Error(`the tiles of ${size} have another root`);
  return size;
}

/** The checkpoint that is shown now. */
export function shown(folder: string): string | undefined {
  const path = join(folder, "checkpoint");
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

export const digestOf = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
