/**
 * The signature types that keys of signed notes can have here (c2sp.org/signed-note):
 *
 * | type | key | signs |
 * | --- | --- | --- |
 * | 0x01 | Ed25519 | any note text |
 * | 0x04 | Ed25519 | the text of a checkpoint, with a time |
 * | 0x06 | ML-DSA-44 | a checkpoint, with a time |
 */
import type { KeyObject } from "node:crypto";
import {
  checkCosignatureTime,
  cosignatureMessage,
  decodeCosignature,
  encodeCosignature,
  subtreeMessage,
} from "./cosignature.ts";
import { KEY_BYTES, keyPair, publicKey, signEd25519, verifyEd25519 } from "./ed25519.ts";
import { CoreError } from "./errors.ts";
import { ML_DSA_PUBLIC_BYTES, mlDsaKeyPair, mlDsaPublicKey, signMlDsa, verifyMlDsa } from "./ml-dsa.ts";

/** 1 signs a note text, 4 the text of a checkpoint and a time, 6 a checkpoint and a time by ML-DSA-44. */
export type SignatureType = 1 | 4 | 6;

/** Length of the seed of a key of any type, in bytes. */
export const SEED_BYTES = 32;

/** What keys of one type do. */
export interface Algorithm {
  /** Length of a public key, in bytes. */
  readonly publicBytes: number;
  /** @throws {CoreError} `key_malformed`, `key_unsupported` */
  keyPair(seed: Uint8Array): { readonly privateKey: KeyObject; readonly publicBytes: Uint8Array };
  /** @throws {CoreError} `key_malformed`, `key_unsupported` */
  publicKey(bytes: Uint8Array): KeyObject;
  /** The bytes that are signed. @param name the key's. @throws {CoreError} `time_range`, `checkpoint_malformed` */
  message(name: string, text: string, time: bigint): Uint8Array;
  signMessage(key: KeyObject, message: Uint8Array): Uint8Array;
  /** A signature as it stands in a note. */
  inNote(signature: Uint8Array, time: bigint): Uint8Array;
  /** Never throws. */
  verify(key: KeyObject, name: string, text: string, signature: Uint8Array): boolean;
}

const NOTES: Algorithm = {
  publicBytes: KEY_BYTES,
  keyPair,
  publicKey,
  message: (_name, text) => Buffer.from(text),
  signMessage: signEd25519,
  inNote: (signature) => signature,
  verify: (key, _name, text, signature) => verifyEd25519(key, Buffer.from(text), signature),
};

const COSIGNATURES: Algorithm = {
  publicBytes: KEY_BYTES,
  keyPair,
  publicKey,
  message: (_name, text, time) => cosignatureMessage(text, checkCosignatureTime(time)),
  signMessage: signEd25519,
  inNote: (signature, time) => encodeCosignature(time, signature),
  verify: (key, _name, text, bytes) => {
    const cosignature = decodeCosignature(bytes);
    return (
      cosignature !== undefined && verifyEd25519(key, cosignatureMessage(text, cosignature.time), cosignature.signature)
    );
  },
};

const POST_QUANTUM: Algorithm = {
  publicBytes: ML_DSA_PUBLIC_BYTES,
  keyPair: mlDsaKeyPair,
  publicKey: mlDsaPublicKey,
  message: (name, text, time) => subtreeMessage(name, text, checkCosignatureTime(time)),
  signMessage: signMlDsa,
  inNote: (signature, time) => encodeCosignature(time, signature),
  verify: (key, name, text, bytes) => {
    const cosignature = decodeCosignature(bytes);
    if (cosignature === undefined) return false;
    try {
      return verifyMlDsa(key, subtreeMessage(name, text, cosignature.time), cosignature.signature);
    } catch (error) {
      // A text that is no checkpoint.
      if (error instanceof CoreError) return false;
      throw error;
    }
  },
};

const ALGORITHMS: Readonly<Record<SignatureType, Algorithm>> = { 1: NOTES, 4: COSIGNATURES, 6: POST_QUANTUM };

/** What keys of a type do. */
export const algorithmOf = (type: SignatureType): Algorithm => ALGORITHMS[type];

/** Whether keys of this type are known here. */
export const isSignatureType = (type: number | undefined): type is SignatureType =>
  type === 1 || type === 4 || type === 6;

/** The time that a verified signature says it was made at; undefined for type 1, which has none. */
export const signedTimeOf = (type: SignatureType, signature: Uint8Array): bigint | undefined =>
  type === 1 ? undefined : decodeCosignature(signature)?.time;
