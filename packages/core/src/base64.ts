/**
 * Standard base64 (RFC 4648, section 4) with padding, in its only canonical form: no line breaks, no missing or extra
 * padding, unused bits zero. Two texts for the same bytes would give one signed statement two hashes.
 *
 *     toBase64(new Uint8Array([0, 255]))  → "AP8="
 *     fromBase64("AP9=")                  → base64_malformed: the two unused bits are not zero
 */
import { CoreError, quoted } from "./errors.ts";

/** Canonical base64 of bytes. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/**
 * Bytes of canonical base64.
 *
 * @throws {CoreError} `base64_malformed`
 */
export function fromBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  // Buffer accepts the URL alphabet, white space and missing padding: only what it writes back passes.
  if (bytes.toString("base64") !== text) {
    throw new CoreError("base64_malformed", `not canonical base64: ${quoted(text)}`);
  }
  return new Uint8Array(bytes);
}
