import { fromHex, sha256, toHex } from "./hash.ts";

/** The digest of a head log without lines: 32 zero bytes, in hex. */
export const EMPTY_LOG_DIGEST: string = "0".repeat(64);

/**
 * A running digest over the lines of a head log, in hex: SHA-256(digest before || SHA-256(line as UTF-8, without its
 * line feed)). With a count and this digest one knows every line that has ever been in a sink without keeping them.
 */
export function nextLogDigest(before: string, line: string): string {
  const both = new Uint8Array(64);
  both.set(fromHex(before));
  both.set(sha256(line), 32);
  return toHex(sha256(both));
}
