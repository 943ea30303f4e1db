/**
 * SHA-256 and its text form.
 *
 * Every hash of the chain is SHA-256 (FIPS 180-4): 32 bytes, written as 64 lower-case hex digits. Text is hashed as its
 * UTF-8 bytes.
 *
 *     toHex(sha256("abc"))
 *     → ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
 */
import { hash } from "node:crypto";
import { CoreError, quoted } from "./errors.ts";

/** Length of every hash, in bytes. */
export const HASH_BYTES = 32;

/**
 * SHA-256 of bytes, or of the UTF-8 form of text. Text must be well-formed (a lone surrogate would be hashed as
 * U+FFFD); everything in this package checks that before it hashes.
 */
export function sha256(data: Uint8Array | string): Uint8Array {
  // The one-shot form (Node 21.7), as Latin-1 text, copied. For the 72 bytes of a chain hash it takes 0.5 µs, against
  // 1.1 µs as a Buffer and 1.5 µs with createHash. A plain Uint8Array also has no surprising slice and toString.
  const digest = hash("sha256", data, "binary");
  const bytes = new Uint8Array(HASH_BYTES);
  for (let at = 0; at < HASH_BYTES; at++) bytes[at] = digest.charCodeAt(at);
  return bytes;
}

/** Lower-case hex of bytes, two digits each. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/**
 * Bytes of lower-case hex. Upper case is refused, so that each value has one text.
 *
 * @throws {CoreError} `hex_malformed`
 */
export function fromHex(text: string): Uint8Array {
  const bytes = Buffer.from(text, "hex");
  // Buffer stops silently at the first character that is not hex: writing it again shows that.
  if (bytes.toString("hex") !== text) throw new CoreError("hex_malformed", `not lower-case hex: ${quoted(text)}`);
  return new Uint8Array(bytes);
}

/**
 * Bytes of a hash in hex: exactly 64 lower-case digits.
 *
 * @throws {CoreError} `hex_malformed`, `hash_length`
 */
export function hashFromHex(text: string): Uint8Array {
  // Before decoding: hostile text can have any length.
  if (text.length !== 2 * HASH_BYTES) throw new CoreError("hash_length", `a hash has 64 hex digits: ${quoted(text)}`);
  return fromHex(text);
}

/** Whether two byte strings are equal. Not constant-time: nothing here is secret. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/**
 * Returns the hash itself if it has 32 bytes.
 *
 * @throws {CoreError} `hash_length`, with `what` in its message
 */
export function checkHash(hash: Uint8Array, what: string): Uint8Array {
  if (hash.byteLength !== HASH_BYTES) {
    throw new CoreError("hash_length", `${what} has ${hash.byteLength} bytes, not ${HASH_BYTES}`);
  }
  return hash;
}
