/**
 * ML-DSA-44 (FIPS 204) over raw keys: private keys are their 32-byte seed, public keys 1312 bytes, signatures 2420. It holds
 * against quantum computers, which Ed25519 does not.
 *
 * node:crypto has it from Node.js 24.6 on (OpenSSL 3.5), and takes keys as DER only: a constant prefix (RFC 9881) and the
 * raw bytes.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { CoreError } from "./errors.ts";

/** Length of a public key, in bytes. */
export const ML_DSA_PUBLIC_BYTES = 1312;

/** Length of a signature, in bytes. */
export const ML_DSA_SIGNATURE_BYTES = 2420;

const SEED_BYTES = 32;

/** PKCS #8: SEQUENCE { version 0, SEQUENCE { OID 2.16.840.1.101.3.4.3.17 }, OCTET STRING { [0] of 32 bytes … } } */
const PRIVATE_PREFIX = Buffer.from("3034020100300b060960864801650304031104228020", "hex");

/** SubjectPublicKeyInfo: SEQUENCE { SEQUENCE { OID 2.16.840.1.101.3.4.3.17 }, BIT STRING of 1312 bytes … } */
const PUBLIC_PREFIX = Buffer.from("30820532300b06096086480165030403110382052100", "hex");

/**
 * The key pair of a seed. `publicBytes` are the 1312 bytes of FIPS 204.
 *
 * @throws {CoreError} `key_malformed`, `key_unsupported`
 */
export function mlDsaKeyPair(seed: Uint8Array): { readonly privateKey: KeyObject; readonly publicBytes: Uint8Array } {
  if (seed.byteLength !== SEED_BYTES) throw new CoreError("key_malformed", "an ML-DSA-44 seed has 32 bytes");
  const der = Buffer.concat([PRIVATE_PREFIX, seed]);
  const privateKey = supported(() => createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return { privateKey, publicBytes: new Uint8Array(spki.subarray(PUBLIC_PREFIX.byteLength)) };
}

/**
 * The public key object of 1312 bytes.
 *
 * @throws {CoreError} `key_malformed`, `key_unsupported`
 */
export function mlDsaPublicKey(bytes: Uint8Array): KeyObject {
  if (bytes.byteLength !== ML_DSA_PUBLIC_BYTES)
    throw new CoreError("key_malformed", `an ML-DSA-44 public key has ${ML_DSA_PUBLIC_BYTES} bytes`);
  const der = Buffer.concat([PUBLIC_PREFIX, bytes]);
  return supported(() => createPublicKey({ key: der, format: "der", type: "spki" }));
}

/** Signature of a message: 2420 bytes, others each time. */
export const signMlDsa = (key: KeyObject, message: Uint8Array): Uint8Array => new Uint8Array(sign(null, message, key));

/** Whether a signature is the key's over the message; false for one of any other length than 2420 bytes. */
export const verifyMlDsa = (key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean =>
  signature.byteLength === ML_DSA_SIGNATURE_BYTES && verify(null, message, key, signature);

/** Any bytes of the right length are a key: what fails here is the Node.js that runs. */
function supported(read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch (cause) {
    throw new CoreError("key_unsupported", "ML-DSA-44 keys (type 6) need Node.js 24.6 or newer", { cause });
  }
}
