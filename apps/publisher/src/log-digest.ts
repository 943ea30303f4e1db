import { sha256, toHex } from "@scidex/audit-core";

/** The digest of a log without lines: 32 zero bytes, in hex. */
export const EMPTY_DIGEST: string = "0".repeat(64);

/**
 * A running digest over the lines of a head log, in hex: SHA-256(digest before || SHA-256(line as UTF-8, without its
 * line feed)). With a count and this digest the publisher knows every line that it has ever written to a sink without
 * keeping them.
 */
export function nextDigest(before: string, line: string): string {
  return toHex(sha256(Buffer.concat([Buffer.from(before, "hex"), sha256(line)])));
}
