/**
 * Ed25519 (RFC 8032) over raw keys: private keys are their 32-byte seed, public keys 32 bytes, signatures 64.
 *
 * node:crypto takes keys as DER only. For Ed25519 that is a constant prefix (RFC 8410) and the 32 bytes.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { CoreError } from "./errors.ts";

/** Length of a seed and of a public key, in bytes. */
export const KEY_BYTES = 32;

/** Length of a signature, in bytes. */
export const SIGNATURE_BYTES = 64;

/** PKCS #8: SEQUENCE { version 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING of 32 bytes … } } */
const PRIVATE_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** SubjectPublicKeyInfo: SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING of 32 bytes … } */
const PUBLIC_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** The two halves of a key pair. `publicBytes` are the 32 bytes of RFC 8032. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicBytes: Uint8Array;
}

/**
 * The key pair of a seed.
 *
 * @throws {CoreError} `key_malformed`
 */
export function keyPair(seed: Uint8Array): KeyPair {
  if (seed.byteLength !== KEY_BYTES) throw new CoreError("key_malformed", "an Ed25519 seed has 32 bytes");
  const der = Buffer.concat([PRIVATE_PREFIX, seed]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return { privateKey, publicBytes: new Uint8Array(spki.subarray(PUBLIC_PREFIX.byteLength)) };
}

/**
 * The public key object of 32 bytes.
 *
 * @throws {CoreError} `key_malformed`
 */
export function publicKey(bytes: Uint8Array): KeyObject {
  if (bytes.byteLength !== KEY_BYTES) throw new CoreError("key_malformed", "an Ed25519 public key has 32 bytes");
  return createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, bytes]), format: "der", type: "spki" });
}

/** Signature of a message. 64 bytes, the same for the same key and message. */
export function signEd25519(key: KeyObject, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, key));
}

/** Whether a signature is the key's over the message; false for one of any other length than 64 bytes. */
export function verifyEd25519(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return signature.byteLength === SIGNATURE_BYTES && verify(null, message, key, signature);
}
