import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts";
import { CoreError, quoted } from "./errors.ts";
import { timestampName } from "./key-file.ts";
import { type NoteSignature, type ParsedNote, parseNote, type SignatureLine, verifySignatures } from "./note.ts";
import { type NoteVerifier, parseVerifierKey } from "./note-key.ts";
import type { Seconds } from "./units.ts";

/** What a reader of heads, and of the statements between them, trusts. */
export interface HeadTrust {
  /** The log's name. Without it, any log with a type 1 key among the verifiers. */
  readonly origin?: string | undefined;
  /**
   * Keys of the log, named as its origin (type 1), and of its time-stamping, named origin and `/timestamp` (type 4);
   * several of each where they have been changed (key turns, in the reader). Where there are ML-DSA-44 keys of the log (type
   * 6), its checkpoints must be signed by one of these too: a checkpoint from which that was taken is none. Others are not
   * used for heads.
   */
  readonly verifiers: readonly NoteVerifier[];
}

/**
 * What trusts these keys.
 *
 * @param vkeys verifier keys as text
 * @throws {CoreError} as `parseVerifierKey` does
 */
export const headTrust = (vkeys: readonly string[], origin: string | undefined): HeadTrust => ({
  origin,
  verifiers: vkeys.map(parseVerifierKey),
});

/** What the signatures of a note say that have been checked. */
export interface Signed {
  /** The time that was cosigned. */
  readonly signedTime: Seconds;
  /** Which of the trusted keys have signed it. */
  readonly signedBy: SignedBy;
}

/** Keys that have signed a note of a log, as vkeys. */
export interface SignedBy {
  /** Ed25519 keys of the log, at least one. */
  readonly logKeys: readonly string[];
  /** Keys of its time-stamping, at least one. */
  readonly timeKeys: readonly string[];
  /** ML-DSA-44 keys of the log: none where none is trusted. They sign checkpoints alone. */
  readonly strongKeys: readonly string[];
}

/** A checkpoint whose signatures have been checked. */
export interface SignedCheckpoint extends Checkpoint, Signed {}

/**
 * The checkpoint of a note, which must be signed by the log and cosigned by its time-stamping key.
 *
 * @throws {CoreError} `note_malformed`, `checkpoint_malformed`, and as `checkSigned`
 */
export function openCheckpoint(text: string, trust: HeadTrust): SignedCheckpoint {
  const note = parseNote(text);
  const checkpoint = parseCheckpoint(note.text);
  const signed = checkSigned(note, "a checkpoint", checkpoint.origin, trust);
  const strongKeys = checkStronger(note, checkpoint.origin, signed.signedTime, trust);
  return { ...checkpoint, ...signed, signedBy: { ...signed.signedBy, strongKeys } };
}

/** Checks the signature by the log's ML-DSA-44 key, where one is trusted: it is never done without. */
function checkStronger(note: ParsedNote, origin: string, signedTime: Seconds, trust: HeadTrust): string[] {
  const keys = trust.verifiers.filter(({ type, name }) => type === 6 && name === origin);
  if (keys.length === 0) return [];
  const signatures = verifySignatures(note.text, note.lines, keys);
  if (signatures.length === 0)
    throw new CoreError("signature_missing", "not signed by the trusted ML-DSA-44 key of the log");
  if (signatures.some(({ time }) => time !== signedTime))
    throw new CoreError("head_member_mismatch", "the ML-DSA-44 signature has another time than the cosignature");
  return signatures.map(vkeyOf);
}

/**
 * Checks that a note of a log is signed by it and cosigned by its time-stamping key, and returns the cosigned time and by whom.
 *
 * @param what the note, for messages: `a checkpoint`
 * @throws {CoreError} `origin_mismatch`, `signature_missing`, `signature_invalid`; `note_malformed` if one key has signed
 *   twice; `head_member_mismatch` for cosignatures with different times
 */
export function checkSigned(note: ParsedNote, what: string, origin: string, trust: HeadTrust): Signed {
  const logKeys = trust.verifiers.filter(({ type, name }) => type === 1 && name === origin);
  if (trust.origin === undefined ? logKeys.length === 0 : trust.origin !== origin) {
    throw new CoreError("origin_mismatch", `${what} of another log: ${quoted(origin)}`);
  }
  const timeKeys = trust.verifiers.filter(({ type, name }) => type === 4 && name === timestampName(origin));
  const signed = verifySignatures(note.text, note.lines, logKeys);
  if (signed.length === 0) {
    throw new CoreError("signature_missing", "not signed by a trusted key of the log");
  }
  const cosigned = verifySignatures(note.text, note.lines, timeKeys);
  const times = new Set(cosigned.map(({ time }) => time));
  const [time] = times;
  if (time === undefined) throw new CoreError("signature_missing", "not cosigned by a trusted time-stamping key");
  // While keys are rotated, both may cosign; were the times different, the line would not say which one it means.
  if (times.size > 1) throw new CoreError("head_member_mismatch", `${what} has cosignatures with different times`);
  return {
    signedTime: time,
    signedBy: { logKeys: signed.map(vkeyOf), timeKeys: cosigned.map(vkeyOf), strongKeys: [] },
  };
}

const vkeyOf = ({ vkey }: NoteSignature): string => vkey;

/** Whether a note has signatures in the name of a log by keys that are not trusted. Nothing is verified. */
export function hasOtherKeys({ lines }: ParsedNote, origin: string, { verifiers }: HeadTrust): boolean {
  const isOther = ({ name, keyId }: SignatureLine): boolean =>
    !verifiers.some((key) => key.name === name && key.keyId === keyId);
  return lines.some((line) => (line.name === origin || line.name === timestampName(origin)) && isOther(line));
}
