/**
 * Timestamped cosignatures of checkpoints (c2sp.org/tlog-cosignature): a signer's statement that at that time this was
 * the largest checkpoint of the log that it had seen.
 *
 * With Ed25519 (note signature type 0x04), what is signed is two lines and then the whole note text of the checkpoint:
 *
 *     cosignature/v1
 *     time 1777381200
 *     scidex.ai/audit-chain
 *     1042
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 * With ML-DSA-44 (type 0x06), it is these bytes, numbers big-endian:
 *
 *     "subtree/v1\n\0" (12) || length (1) and name of the signer || time (8) || length (1) and origin of the log
 *         || 0 (8) || tree size (8) || root hash (32)
 *
 * The signature, as it stands in the note after the key ID, has 72 or 2428 bytes:
 *
 *     time (8, big-endian, seconds since the Unix epoch) || Ed25519 signature (64) or ML-DSA-44 signature (2420)
 */
import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts";
import { CoreError } from "./errors.ts";

/** The latest time of a cosignature, in seconds since the Unix epoch: the format ends at 2^63 - 1. */
const MAX_TIME = 2n ** 63n - 1n;

/** The bytes that an Ed25519 key signs for a note text at a time in seconds since the Unix epoch. */
export function cosignatureMessage(noteText: string, time: bigint): Uint8Array {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${noteText}`);
}

/**
 * The bytes that an ML-DSA-44 key signs for the note text of a checkpoint at a time in seconds since the Unix epoch.
 *
 * @param cosigner the key's name
 * @throws {CoreError} `checkpoint_malformed` for any other text
 */
export function subtreeMessage(cosigner: string, noteText: string, time: bigint): Uint8Array {
  const { origin, size, root }: Checkpoint = parseCheckpoint(noteText);
  return Buffer.concat([
    Buffer.from("subtree/v1\n\0"),
    prefixed(cosigner),
    uint64(time),
    prefixed(origin),
    uint64(0n),
    uint64(size),
    root,
  ]);
}

function prefixed(name: string): Uint8Array {
  const bytes = Buffer.from(name);
  // Names have at most 255 bytes (name.ts).
  return Buffer.concat([Uint8Array.of(bytes.byteLength), bytes]);
}

function uint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/**
 * Returns the time itself if it can be cosigned: 0 to 2^63 - 1 seconds since the Unix epoch.
 *
 * @throws {CoreError} `time_range`
 */
export function checkCosignatureTime(time: bigint): bigint {
  if (time < 0n || time > MAX_TIME) throw new CoreError("time_range", `${time} s cannot be cosigned`);
  return time;
}

/** The bytes of a cosignature. */
export const encodeCosignature = (time: bigint, signature: Uint8Array): Uint8Array =>
  new Uint8Array(Buffer.concat([uint64(time), signature]));

/** Time and signature of a cosignature; undefined if it has no time, or an impossible one. */
export function decodeCosignature(bytes: Uint8Array): { time: bigint; signature: Uint8Array } | undefined {
  if (bytes.byteLength < 8) return undefined;
  const time = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  return time > MAX_TIME ? undefined : { time, signature: bytes.subarray(8) };
}
