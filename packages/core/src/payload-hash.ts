import { canonicalJson } from "./canonical.ts";
import { sha256 } from "./hash.ts";

/**
 * Payload hash: SHA-256 of the UTF-8 form of the payload's canonical JSON. 32 bytes. The payload itself is not stored
 * in the chain.
 *
 *     payloadHash({ id: "1", done: "t" })  =  SHA-256 of {"done":"t","id":"1"}
 *
 * @throws {CoreError} as `canonicalJson`
 */
export function payloadHash(payload: unknown): Uint8Array {
  return sha256(canonicalJson(payload));
}
