/**
 * Tiles (c2sp.org/tlog-tiles): the Merkle tree as static files of at most 256 hashes each.
 *
 *     tile/<L>/<N>          8,192 bytes: 256 hashes, one after another
 *     tile/<L>/<N>.p/<W>    a partial tile at the right edge: W hashes, 1 to 255
 *     tile/entries/<N>      the leaves whose hashes are in tile/0/<N> (entry-bundle.ts); partial ones likewise
 *
 * At level 0 a tile holds leaf hashes; at each further level, the roots of *full* tiles of the level below. So hash i of
 * tile N at level L is the root of the 256^L leaves from (N·256 + i)·256^L on. The levels of the tree in between are
 * hashed from a tile's own. N is written in groups of three digits, all but the last behind an `x`:
 *
 *     70,000 leaves: tile/0/000 … tile/0/272, tile/0/273.p/112, tile/1/000, tile/1/001.p/17, tile/2/000.p/1
 *     N = 1234067:   tile/0/x001/x234/067
 */
import { CoreError } from "../errors.ts";
import { HASH_BYTES } from "../hash.ts";
import { checkTreeSize } from "../merkle.ts";

/** Hashes of a full tile, and entries of a full bundle. */
export const TILE_WIDTH = 256;

/** Levels of the tree that a full tile spans: 2^8 hashes. */
export const TILE_HEIGHT = 8;

/** A file of the tiled tree. */
export interface Tile {
  /** 0 to 7, or `entries` for the leaves themselves. */
  readonly level: number | "entries";
  /** Its place within the level, from 0. */
  readonly index: bigint;
  /** 1 to 256. */
  readonly width: number;
}

/** The path of a tile below the log's prefix. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = index.toString();
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/\d{3}/gu) ?? [];
  const place = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${level}/${place}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

/**
 * The tile at a place in the tree of that size, with the width that it has there.
 *
 * @throws {CoreError} `tree_range` where the tree has none
 */
export function tileAt(size: bigint, level: Tile["level"], index: bigint): Tile {
  const rest = hashesAt(checkTreeSize(size), level) - index * BigInt(TILE_WIDTH);
  if (index < 0n || rest <= 0n)
    throw new CoreError("tree_range", `a tree of ${size} leaves has no tile ${index} at level ${level}`);
  return { level, index, width: rest < TILE_WIDTH ? Number(rest) : TILE_WIDTH };
}

/** The last tile of each level of hashes, from level 0 on: what must be read to append to the tree. */
export function lastTiles(size: bigint): Tile[] {
  const tiles: Tile[] = [];
  for (let level = 0; ; level++) {
    const hashes = hashesAt(checkTreeSize(size), level);
    if (hashes === 0n) return tiles;
    tiles.push(tileAt(size, level, (hashes - 1n) / BigInt(TILE_WIDTH)));
  }
}

/** How many hashes a level has, or how many entries there are. */
export const hashesAt = (size: bigint, level: Tile["level"]): bigint =>
  level === "entries" ? size : size >> BigInt(level * TILE_HEIGHT);

/**
 * The hashes of a tile of that width.
 *
 * @throws {CoreError} `tile_malformed`
 */
export function tileHashes(bytes: Uint8Array, width: number): Uint8Array[] {
  if (bytes.byteLength !== width * HASH_BYTES)
    throw new CoreError("tile_malformed", `${bytes.byteLength} bytes are not ${width} hashes`);
  return Array.from({ length: width }, (_, at) => bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES));
}
