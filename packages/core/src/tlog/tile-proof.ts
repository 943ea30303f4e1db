/**
 * Proofs and roots from tiles. First it is said which tiles are needed (`tilesOf`); whoever has read them gets the roots of
 * the ranges of which proofs consist (`rootsFromTiles`). Nothing is believed here: the proof that comes of it is held
 * against a signed root.
 *
 * A range of leaves is that of a node of the tree, and so consists of complete subtrees, the largest first: one for each 1
 * bit of its length, as a frontier. The root of 2^(8·L + r) leaves is hashed from 2^r hashes of one tile at level L.
 */
import { CoreError } from "../errors.ts";
import { fold, FrontierBuilder } from "../frontier.ts";
import type { LeafRange } from "../inclusion.ts";
import { type Tile, TILE_HEIGHT, TILE_WIDTH, tileAt, tileHashes, tilePath } from "./tile.ts";

/** Part of a tile: the hashes from which the root of a complete subtree is made. */
interface Part {
  readonly tile: Tile;
  readonly from: number;
  readonly count: number;
}

/**
 * The tiles of the tree of that size in which the ranges' hashes are, each once.
 *
 * @throws {CoreError} `tree_range` where a range ends behind the tree
 */
export function tilesOf(ranges: readonly LeafRange[], size: bigint): Tile[] {
  const tiles = ranges.flatMap((range) => partsOf(range, size).map(({ tile }) => tile));
  return [...new Map(tiles.map((tile) => [tilePath(tile), tile])).values()];
}

/**
 * The roots of the ranges.
 *
 * @param tiles the bytes of each tile of `tilesOf`, by its path
 * @throws {CoreError} `tile_malformed` for one that is missing or has another length; `tree_range`
 */
export function rootsFromTiles(
  ranges: readonly LeafRange[],
  size: bigint,
  tiles: ReadonlyMap<string, Uint8Array>,
): Uint8Array[] {
  return ranges.map((range) => {
    const roots = partsOf(range, size).map(({ tile, from, count }) => {
      const bytes = tiles.get(tilePath(tile));
      if (bytes === undefined) throw new CoreError("tile_malformed", `${tilePath(tile)} is missing`);
      return tileRoot(tileHashes(bytes, tile.width).slice(from, from + count));
    });
    return fold(roots);
  });
}

/** The root of one of a tile's own subtrees, or of all of a full one: of 1, 2, 4 … 256 hashes. */
export function tileRoot(hashes: readonly Uint8Array[]): Uint8Array {
  const builder = new FrontierBuilder();
  for (const hash of hashes) builder.append(hash);
  return builder.root();
}

function partsOf({ from, to }: LeafRange, size: bigint): Part[] {
  if (to > size) throw new CoreError("tree_range", `a tree of ${size} leaves has no leaf ${to - 1n}`);
  const parts: Part[] = [];
  for (let at = from; at < to;) {
    const height = (to - at).toString(2).length - 1;
    const within = height % TILE_HEIGHT;
    const level = (height - within) / TILE_HEIGHT;
    const first = at >> BigInt(level * TILE_HEIGHT);
    const tile = tileAt(size, level, first / BigInt(TILE_WIDTH));
    parts.push({ tile, from: Number(first % BigInt(TILE_WIDTH)), count: 2 ** within });
    at += 1n << BigInt(height);
  }
  return parts;
}
