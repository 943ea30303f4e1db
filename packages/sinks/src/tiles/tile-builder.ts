import {
  formatEntryBundle,
  FrontierBuilder,
  leafHash,
  parseEntryBundle,
  sameBytes,
  type Tile,
  TILE_HEIGHT,
  TILE_WIDTH,
  tileHashes,
  tilePath,
  tileRoot,
} from "@scidex/audit-core";

/** A file of the tree. */
export interface TreeFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Makes the tiles of a tree from its leaves, one after another, holding only those at the right edge: at most 255 hashes
 * a level, and 255 leaves.
 */
export class TileBuilder {
  #size = 0n;
  /** The hashes of each level that are in no full tile yet. */
  readonly #levels: Uint8Array[][] = [];
  /** The leaves of those of level 0. */
  #entries: Uint8Array[] = [];
  /** Full ones that nobody has taken yet. */
  #done: TreeFile[] = [];

  /** Number of leaves. */
  get size(): bigint {
    return this.#size;
  }

  /**
   * The builder of a tree that is there, from the files at its right edge. They are not believed: compare `root`.
   *
   * @param read a file's bytes by its path; undefined where there is none
   * @returns undefined where one is missing, or the bundle is not that of its tile
   * @throws {CoreError} `tile_malformed`
   */
  static async resume(
    size: bigint,
    read: (path: string) => Promise<Uint8Array | undefined>,
  ): Promise<TileBuilder | undefined> {
    const builder = new TileBuilder();
    for (const tile of edgeOf(size)) {
      const bytes = await read(tilePath(tile));
      if (bytes === undefined) return undefined;
      if (tile.level === "entries") builder.#entries = parseEntryBundle(bytes, tile.width);
      else builder.#levels[tile.level] = tileHashes(bytes, tile.width);
    }
    for (let level = 0; level < builder.#levels.length; level++) builder.#levels[level] ??= [];
    builder.#size = size;
    const hashes = builder.#levels[0] ?? [];
    // The root says nothing of the bundle: a changed leaf would go on into the next one.
    return builder.#entries.every((entry, at) => sameBytes(leafHash(entry), hashes[at] ?? entry)) ? builder : undefined;
  }

  /** Appends a leaf. */
  append(leaf: Uint8Array): void {
    this.#entries.push(leaf);
    this.#push(0, leafHash(leaf));
    this.#size += 1n;
  }

  #push(level: number, hash: Uint8Array): void {
    const hashes = (this.#levels[level] ??= []);
    hashes.push(hash);
    if (hashes.length < TILE_WIDTH) return;
    const index = this.#size >> BigInt((level + 1) * TILE_HEIGHT);
    if (level === 0) {
      this.#done.push(fileOf({ level: "entries", index, width: TILE_WIDTH }, formatEntryBundle(this.#entries)));
      this.#entries = [];
    }
    this.#done.push(fileOf({ level, index, width: TILE_WIDTH }, Buffer.concat(hashes)));
    this.#levels[level] = [];
    this.#push(level + 1, tileRoot(hashes));
  }

  /** The full tiles and bundles that have come about since this was last asked. */
  takeFull(): TreeFile[] {
    const done = this.#done;
    this.#done = [];
    return done;
  }

  /**
   * The partial tiles and the partial bundle of the tree as it is, but for those that are full in a tree of `until`
   * leaves: who needs them then takes the full ones.
   */
  partial(until: bigint): TreeFile[] {
    return edgeOf(this.#size)
      .filter(({ level, index }) => until >> BigInt(((level === "entries" ? 0 : level) + 1) * TILE_HEIGHT) <= index)
      .map((tile) =>
        fileOf(
          tile,
          tile.level === "entries" ? formatEntryBundle(this.#entries) : Buffer.concat(this.#levels[tile.level] ?? []),
        ),
      );
  }

  /** The root of the tree as it is. 32 bytes. */
  root(): Uint8Array {
    const builder = new FrontierBuilder();
    for (const [level, hashes] of [...this.#levels.entries()].toReversed())
      for (const hash of hashes) builder.appendSubtree(level * TILE_HEIGHT, hash);
    return builder.root();
  }
}

const fileOf = (tile: Tile, bytes: Uint8Array): TreeFile => ({ path: tilePath(tile), bytes });

/** The partial tiles of a tree of that size, and its partial bundle. */
function edgeOf(size: bigint): Tile[] {
  const tiles: Tile[] = [];
  for (let level = 0; size >> BigInt(level * TILE_HEIGHT) > 0n; level++) {
    const hashes = size >> BigInt(level * TILE_HEIGHT);
    const width = Number(hashes % BigInt(TILE_WIDTH));
    const index = hashes / BigInt(TILE_WIDTH);
    if (width > 0)
      tiles.push({ level, index, width }, ...(level === 0 ? [{ level: "entries", index, width } as const] : []));
  }
  return tiles;
}
