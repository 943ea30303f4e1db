/**
 * Bundles of entries (c2sp.org/tlog-tiles): leaf after leaf, each behind its length in two bytes, big-endian.
 *
 *     tile/entries/000.p/2 = 00 05 "first" 00 06 "second"
 *
 * A leaf of this log has at most some 14,000 bytes.
 */
import { CoreError } from "../errors.ts";

/** The longest entry, in bytes. */
const MAX_ENTRY_BYTES = 0xffff;

/** No bundle is longer, in bytes. */
export const MAX_BUNDLE_BYTES: number = 256 * (2 + MAX_ENTRY_BYTES);

/**
 * The bytes of a bundle.
 *
 * @throws {CoreError} `tile_malformed` for an entry that is too long
 */
export function formatEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    entries.flatMap((entry) => {
      if (entry.byteLength > MAX_ENTRY_BYTES)
        throw new CoreError(
          "tile_malformed",
          `an entry of ${entry.byteLength} bytes is longer than ${MAX_ENTRY_BYTES}`,
        );
      return [Uint8Array.of(entry.byteLength >> 8, entry.byteLength & 0xff), entry];
    }),
  );
}

/**
 * The entries of a bundle of that width. They are views of the same bytes.
 *
 * @throws {CoreError} `tile_malformed` for more or fewer entries, or one that is cut off
 */
export function parseEntryBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (entries.length < width) {
    const [high, low] = bytes.subarray(at, at + 2);
    if (high === undefined || low === undefined)
      throw new CoreError("tile_malformed", `a bundle of ${entries.length} entries instead of ${width}`);
    const end = at + 2 + ((high << 8) | low);
    if (end > bytes.byteLength) throw new CoreError("tile_malformed", `entry ${entries.length} is cut off`);
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  if (at < bytes.byteLength) throw new CoreError("tile_malformed", `bytes after the last of ${width} entries`);
  return entries;
}
