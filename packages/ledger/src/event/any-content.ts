import { inspect } from "node:util";
import { canonicalJson } from "@scidex/audit-core";
import { hashContent } from "./content-hash.ts";

/**
 * The content hash of any value that an agent runtime hands over; never throws.
 *
 * | value | hashed |
 * | --- | --- |
 * | null, undefined | nothing: null |
 * | text, bytes (any view, ArrayBuffer) | as they are |
 * | what JSON can hold faithfully | its canonical JSON (RFC 8785) |
 * | anything else (circles, functions, Map, half a surrogate pair, …) | what `util.inspect` prints of it: enough to show that something was there, and equal for equal values of one Node.js release |
 * | what cannot even be printed | nothing: null |
 */
export function hashAnyContent(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  try {
    if (ArrayBuffer.isView(value)) return hashContent(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    if (value instanceof ArrayBuffer) return hashContent(new Uint8Array(value));
    return hashContent(typeof value === "string" ? value : canonicalJson(value));
  } catch {
    // Not faithful as JSON: the last resort below.
  }
  try {
    const printed = inspect(value, { depth: 20, maxArrayLength: null, maxStringLength: null, sorted: true });
    return hashContent(printed.toWellFormed());
  } catch {
    return null;
  }
}
