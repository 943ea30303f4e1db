/**
 * Timestamped Ed25519 cosignatures of checkpoints (c2sp.org/tlog-cosignature, note signature type 0x04): a signer's
 * statement that at that time this was the largest checkpoint of the log that it had seen.
 *
 * What is signed is two lines and then the whole note text of the checkpoint:
 *
 *     cosignature/v1
 *     time 1777381200
 *     scidex.ai/audit-chain
 *     1042
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 * and the signature, as it stands in the note after the key ID, has 72 bytes:
 *
 *     time (8, big-endian, seconds since the Unix epoch) || Ed25519 signature (64)
 */
import { CoreError } from "./errors.ts";
import { SIGNATURE_BYTES } from "./ed25519.ts";

/** Length of a cosignature, in bytes. */
export const COSIGNATURE_BYTES: number = 8 + SIGNATURE_BYTES;

/** The latest time of a cosignature, in seconds since the Unix epoch: the format ends at 2^63 - 1. */
const MAX_TIME = 2n ** 63n - 1n;

/** The bytes that are signed for a note text at a time in seconds since the Unix epoch. */
export function cosignatureMessage(noteText: string, time: bigint): Uint8Array {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${noteText}`);
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

/** The 72 bytes of a cosignature. */
export function encodeCosignature(time: bigint, signature: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(COSIGNATURE_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, time);
  bytes.set(signature, 8);
  return bytes;
}

/** Time and signature of a cosignature; undefined if it has another length or an impossible time. */
export function decodeCosignature(bytes: Uint8Array): { time: bigint; signature: Uint8Array } | undefined {
  if (bytes.byteLength !== COSIGNATURE_BYTES) return undefined;
  const time = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  return time > MAX_TIME ? undefined : { time, signature: bytes.subarray(8) };
}
