import { parseEntryBundle, type Tile, TILE_WIDTH, tileHashes, tilePath } from "@scidex/audit-core";
import type { TreeFiles } from "@scidex/audit-sinks";

/**
 * The hashes of a tile, or the entries of a bundle, of which nothing has been verified; undefined where there is none. A
 * partial one may have been removed once the full one was there: then they are taken from that.
 *
 * @throws {CoreError} `tile_malformed`
 * @throws {SinkError} where it cannot be read
 */
export async function readTile(files: TreeFiles, tile: Tile): Promise<Uint8Array[] | undefined> {
  const parse = tile.level === "entries" ? parseEntryBundle : tileHashes;
  const bytes = await files.read(tilePath(tile));
  if (bytes !== undefined) return parse(bytes, tile.width);
  const full = tile.width < TILE_WIDTH ? await files.read(tilePath({ ...tile, width: TILE_WIDTH })) : undefined;
  return full && parse(full, TILE_WIDTH).slice(0, tile.width);
}
