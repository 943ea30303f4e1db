import {
  type Frontier,
  FrontierBuilder,
  sameBytes,
  type Seq,
  TILE_HEIGHT,
  TILE_WIDTH,
  tileAt,
  tileRoot,
} from "@scidex/audit-core";
import { type PublishedHead, readTile } from "@scidex/audit-reader";
import type { TreeFiles } from "@scidex/audit-sinks";

export const WIDTH = BigInt(TILE_WIDTH);

/** Holds what the leaves up to each head make against its root. */
export class Roots {
  readonly #heads: readonly PublishedHead[];
  readonly #tree: FrontierBuilder;
  #next = 0;

  /** @param before the tree of the leaves before those that are pushed: where a root holds, so does that */
  constructor(heads: readonly PublishedHead[], before: Frontier) {
    this.#heads = heads;
    this.#tree = new FrontierBuilder(before);
  }

  get isAtEnd(): boolean {
    return this.#next === this.#heads.length;
  }

  /** @param hashes of the leaves of the next bundle, and their root where it is full */
  push(hashes: readonly Uint8Array[], root: Uint8Array | null): boolean {
    const end = this.#tree.size + BigInt(hashes.length);
    // Only where a head is in the midst of them they are needed one by one.
    const inside = new FrontierBuilder(this.#tree.frontier());
    for (let head = this.#heads[this.#next]; head !== undefined && head.seq <= end; head = this.#heads[++this.#next]) {
      if (head.seq < inside.size) return false;
      const from = Number(inside.size - this.#tree.size);
      for (const leaf of hashes.slice(from, Number(head.seq - this.#tree.size))) inside.append(leaf);
      if (!sameBytes(inside.root(), head.root)) return false;
    }
    if (root !== null) this.#tree.appendSubtree(TILE_HEIGHT, root);
    return true;
  }
}

/** The hashes of one level that have been pushed, and are not held against a tile yet. */
interface Level {
  /** The place of the first of them in the level. */
  from: bigint;
  hashes: Uint8Array[];
}

/**
 * Holds the tiles of each level against the hashes of the level below, up to those at the tree's right edge. Of a tile that
 * begins before the range, or ends behind it, the rest is another shard's.
 */
export class Tiles {
  readonly #files: TreeFiles;
  readonly #size: Seq;
  readonly #first: bigint;
  readonly #levels: Level[] = [];

  /** @param first the first tile of the lowest level */
  constructor(files: TreeFiles, size: Seq, first: bigint) {
    this.#files = files;
    this.#size = size;
    this.#first = first;
  }

  /** @param known the root of these hashes, where they fill a tile and it is known */
  async push(level: number, hashes: readonly Uint8Array[], known: Uint8Array | null = null): Promise<boolean> {
    const here = (this.#levels[level] ??= {
      from: (this.#first * WIDTH) >> BigInt(TILE_HEIGHT * level),
      hashes: [],
    });
    here.hashes.push(...hashes);
    return Number(here.from % WIDTH) + here.hashes.length < TILE_WIDTH || (await this.#close(level, here, known));
  }

  async finish(): Promise<boolean> {
    for (let level = 0; level < this.#levels.length; level++) {
      const here = this.#levels[level];
      if (here !== undefined && here.hashes.length > 0 && !(await this.#close(level, here, null))) return false;
    }
    return true;
  }

  async #close(level: number, here: Level, known: Uint8Array | null): Promise<boolean> {
    const { from, hashes } = here;
    const at = Number(from % WIDTH);
    const tile = await readTile(this.#files, tileAt(this.#size, level, from / WIDTH));
    const ours = tile?.slice(at, at + hashes.length);
    if (tile === undefined || ours === undefined || !sameBytes(Buffer.concat(ours), Buffer.concat(hashes)))
      return false;
    here.from += BigInt(hashes.length);
    here.hashes = [];
    if (tile.length < TILE_WIDTH) return true;
    return await this.push(level + 1, [(hashes.length === TILE_WIDTH ? known : null) ?? tileRoot(tile)]);
  }
}
