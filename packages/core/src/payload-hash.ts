import { canonicalJson } from "./canonical.ts";
import { CoreError } from "./errors.ts";
import { sha256 } from "./hash.ts";

/** Length of a payload's salt. */
export const SALT_BYTES = 16;

/**
 * Payload hash: SHA-256 of the UTF-8 form of the payload's canonical JSON. 32 bytes. The payload itself is not stored
 * in the chain.
 *
 *     payloadHash({ id: "1", done: "t" })  =  SHA-256 of {"done":"t","id":"1"}
 *
 * @param salt of a row whose table's payloads are salted: see `saltedHash`
 * @throws {CoreError} as `canonicalJson` and `saltedHash`
 */
export function payloadHash(payload: unknown, salt: Uint8Array | null = null): Uint8Array {
  return saltedHash(canonicalJson(payload), salt);
}

/**
 * Hash of a payload's canonical JSON: SHA-256(salt || text). For values that could be guessed: once the salt is gone, nobody
 * can find out from the hash what they were.
 *
 * @param salt 16 bytes, since with more or fewer of them a part of the payload could be taken for salt; null where payloads are
 *   not salted
 * @throws {CoreError} `salt_length`
 */
export function saltedHash(canonical: string, salt: Uint8Array | null): Uint8Array {
  if (salt === null) return sha256(canonical);
  if (salt.length !== SALT_BYTES)
    throw new CoreError("salt_length", `a salt has ${SALT_BYTES} bytes, and this one ${salt.length}`);
  return sha256(Buffer.concat([salt, Buffer.from(canonical)]));
}
