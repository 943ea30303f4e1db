/**
 * Keys of signed notes (c2sp.org/signed-note; golang.org/x/mod/sumdb/note for the private form).
 *
 * A verifier key (vkey) is public, and is what a verifier is configured with; a signer key is secret:
 *
 *     <name>+<key ID>+base64(type || public key)
 *     PRIVATE+KEY+<name>+<key ID>+base64(type || seed)
 *
 * - `name`: not empty, without white space, control characters and `+`; here at most 255 bytes of UTF-8.
 * - `type`: one byte (signature-type.ts).
 * - public key: 32 bytes for Ed25519 (RFC 8032), 1312 for ML-DSA-44 (FIPS 204). Seed: 32 bytes for both.
 * - `key ID`: the first four bytes of SHA-256(name || 0x0A || type || public key), as 8 lower-case hex digits. It tells
 *   keys of one name apart and is no protection: who checks a signature knows the whole key.
 *
 * The example of the specification:
 *
 *     example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
 */
import { randomBytes } from "node:crypto";
import { fromBase64, toBase64 } from "./base64.ts";
import { CoreError, quoted } from "./errors.ts";
import { sha256, toHex } from "./hash.ts";
import { checkName, isName, MAX_NAME_BYTES } from "./name.ts";
import { algorithmOf, isSignatureType, SEED_BYTES, type SignatureType } from "./signature-type.ts";

/** The longest text of a key: a name, and an ML-DSA-44 public key in base64. */
const MAX_KEY_CHARS = MAX_NAME_BYTES + 2_000;

/** What keys of both kinds are known by. */
export interface NoteKey {
  readonly name: string;
  /** An unsigned 32-bit number. */
  readonly keyId: number;
  readonly type: SignatureType;
  /** The verifier key as text. Public. */
  readonly vkey: string;
  /** The public key, of which keys of several names and types can be made. */
  readonly publicBytes: Uint8Array;
}

/** A key that signs notes. */
export interface NoteSigner extends NoteKey {
  /** Whether the key lies elsewhere, so that it signs within `withSignatures` only (signer.ts). */
  readonly isElsewhere: boolean;
  /**
   * The signature of a note text: 64 bytes for type 1, 72 for type 4 and 2428 for type 6, which sign `time` (seconds since
   * the Unix epoch) with it. Type 1 ignores the time.
   *
   * @throws {CoreError} `time_range` for a time before 1970 or beyond 2^63 - 1; `checkpoint_malformed` for a text that is
   *   none, with type 6
   */
  sign(text: string, time: bigint): Uint8Array;
}

/** A key that checks notes. */
export interface NoteVerifier extends NoteKey {
  /** Whether `signature` is this key's for a note text. Never throws. */
  verify(text: string, signature: Uint8Array): boolean;
}

/**
 * A new key: its secret signer key and its public verifier key, as text.
 *
 * @throws {CoreError} `name_malformed`; `key_unsupported` for type 6 where this Node.js has no ML-DSA
 */
export function generateSigningKey(name: string, type: SignatureType): { signer: string; vkey: string } {
  return signingKeyFromSeed(name, type, randomBytes(SEED_BYTES));
}

/**
 * The key of a given 32-byte seed, as text.
 *
 * @throws {CoreError} `name_malformed`, `key_malformed`, `key_unsupported`
 */
export function signingKeyFromSeed(
  name: string,
  type: SignatureType,
  seed: Uint8Array,
): { signer: string; vkey: string } {
  const vkey = formatVkey(checkName(name), type, algorithmOf(type).keyPair(seed).publicBytes);
  return { signer: formatSigner(name, vkey, type, seed), vkey };
}

/**
 * The signer of a secret key's text. Error messages never repeat it.
 *
 * @throws {CoreError} `key_malformed`
 */
export function parseSigner(text: string): NoteSigner {
  const [word, key, name = "", , data = "", ...rest] = bounded(text).split("+");
  // A name has no "+", but base64 does: whatever the split cut off belongs to the data.
  const { type, bytes } = keyData([data, ...rest].join("+"));
  if (word !== "PRIVATE" || key !== "KEY" || !isName(name) || bytes.byteLength !== SEED_BYTES) throw malformedSigner();
  const algorithm = algorithmOf(type);
  const { privateKey, publicBytes } = algorithm.keyPair(bytes);
  const vkey = formatVkey(name, type, publicBytes);
  if (formatSigner(name, vkey, type, bytes) !== text) throw malformedSigner();
  const sign = (text: string, time: bigint): Uint8Array =>
    algorithm.inNote(algorithm.signMessage(privateKey, algorithm.message(name, text, time)), time);
  return { name, keyId: idOf(vkey), type, vkey, publicBytes, isElsewhere: false, sign };
}

/**
 * The verifier of a verifier key's text.
 *
 * @throws {CoreError} `key_malformed`, `key_unsupported`
 */
export function parseVerifierKey(vkey: string): NoteVerifier {
  // Someone who pastes the wrong key must not find his secret in a log.
  if (vkey.startsWith("PRIVATE+KEY+")) {
    throw new CoreError("key_malformed", "this is a secret signer key, not a verifier key");
  }
  const [name = "", , ...data] = bounded(vkey).split("+");
  const { type, bytes } = keyData(data.join("+"));
  if (!isName(name)) throw new CoreError("key_malformed", "a verifier key with a malformed name");
  const algorithm = algorithmOf(type);
  if (bytes.byteLength !== algorithm.publicBytes)
    throw new CoreError("key_malformed", `a verifier key of ${quoted(name)} with ${bytes.byteLength} bytes`);
  // Covers the key ID, the case of its digits and everything that was split away.
  if (formatVkey(name, type, bytes) !== vkey) {
    throw new CoreError("key_malformed", `a verifier key of ${quoted(name)} whose key ID does not fit it`);
  }
  const key = algorithm.publicKey(bytes);
  const verify = (text: string, signature: Uint8Array): boolean => algorithm.verify(key, name, text, signature);
  return { name, keyId: idOf(vkey), type, vkey, publicBytes: bytes, verify };
}

function bounded(text: string): string {
  if (text.length > MAX_KEY_CHARS) throw new CoreError("key_malformed", "a key that is far too long");
  return text;
}

function keyData(base64: string): { type: SignatureType; bytes: Uint8Array } {
  let data: Uint8Array;
  try {
    data = fromBase64(base64);
  } catch {
    // Without the cause, whose message repeats what may be a secret.
    throw new CoreError("key_malformed", "a key whose data is not base64");
  }
  const type = data[0];
  if (!isSignatureType(type))
    throw new CoreError(
      "key_malformed",
      "a key that is neither Ed25519 (type 1) nor for cosignatures (type 4, or 6 for ML-DSA-44)",
    );
  return { type, bytes: data.subarray(1) };
}

/**
 * The verifier key of a public key.
 *
 * @throws {CoreError} `name_malformed`
 */
export const vkeyOf = (name: string, type: SignatureType, publicBytes: Uint8Array): string =>
  formatVkey(checkName(name), type, publicBytes);

function formatVkey(name: string, type: SignatureType, publicBytes: Uint8Array): string {
  const data = Buffer.concat([Uint8Array.of(type), publicBytes]);
  const id = sha256(Buffer.concat([Buffer.from(`${name}\n`), data])).subarray(0, 4);
  return `${name}+${toHex(id)}+${toBase64(data)}`;
}

function formatSigner(name: string, vkey: string, type: SignatureType, seed: Uint8Array): string {
  const id = vkey.slice(name.length + 1, name.length + 9);
  return `PRIVATE+KEY+${name}+${id}+${toBase64(Buffer.concat([Uint8Array.of(type), seed]))}`;
}

function idOf(vkey: string): number {
  return Number.parseInt(vkey.split("+")[1] ?? "", 16);
}

function malformedSigner(): CoreError {
  return new CoreError("key_malformed", "not a signer key: PRIVATE+KEY+<name>+<key ID>+<base64>");
}
