import { CoreError, quoted } from "./errors.ts";

/** The longest name of a key or log, in bytes of UTF-8 (C2SP cosignatures have the same bound). */
export const MAX_NAME_BYTES = 255;

/**
 * Returns the name itself if a key or a log can have it (c2sp.org/signed-note).
 *
 * @throws {CoreError} `name_malformed`
 */
export function checkName(name: string): string {
  if (isName(name)) return name;
  throw new CoreError(
    "name_malformed",
    `a name has 1 to ${MAX_NAME_BYTES} bytes, no white space, control characters or "+": ${quoted(name)}`,
  );
}

/** Whether a key or a log can have this name. */
export function isName(name: string): boolean {
  if (name === "" || name.length > MAX_NAME_BYTES || !name.isWellFormed()) return false;
  // White space as Go's unicode.IsSpace and ECMAScript's \s see it, and all control characters: names are printed.
  return !/[\s\p{Cc}+]/u.test(name) && Buffer.byteLength(name) <= MAX_NAME_BYTES;
}
