import { sha256, toHex } from "@scidex/audit-core";
import { LedgerError } from "../errors.ts";

/**
 * SHA-256 of content as 64 lower-case hex digits: of text as UTF-8, of bytes as they are; null for null.
 *
 * @example hashContent("abc") // "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
 * @throws {LedgerError} `invalid_event` for text with half a surrogate pair: it has no UTF-8, and the usual replacement
 *   character would give two different texts the same hash
 */
export function hashContent(content: string | Uint8Array): string;
export function hashContent(content: string | Uint8Array | null): string | null;
export function hashContent(content: string | Uint8Array | null): string | null {
  if (content === null) return null;
  if (typeof content === "string" && !content.isWellFormed())
    throw new LedgerError("invalid_event", "text with half a surrogate pair has no UTF-8 to hash");
  return toHex(sha256(content));
}
