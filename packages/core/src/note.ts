/**
 * Signed notes (c2sp.org/signed-note): text, and signatures of it by named keys.
 *
 *     scidex.ai/audit-chain
 *     1042
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 *     — scidex.ai/audit-chain Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
 *
 * The text ends with a newline. Then come an empty line and the signature lines, each
 *
 *     U+2014, space, key name, space, base64(key ID (4 bytes, big-endian) || signature), newline
 *
 * The last empty line of the note is the one that ends the text. No control characters but newline.
 *
 * A signature is looked at only if its name and key ID are those of a verifier that the caller gave. Then it must
 * verify, and must be the only one by that key. Other lines are ignored (keys in rotation, witnesses) once they have
 * the right form. Bounds: at most 100 signatures, as in golang.org/x/mod/sumdb/note, and 1,000,000 code units.
 */
import { fromBase64, toBase64 } from "./base64.ts";
import { CoreError, quoted } from "./errors.ts";
import { isName } from "./name.ts";
import type { NoteKey, NoteSigner, NoteVerifier } from "./note-key.ts";
import { signedTimeOf } from "./signature-type.ts";

/** The longest note, in UTF-16 code units. */
export const MAX_NOTE_CHARS = 1_000_000;

/** The most signatures that a note may have. */
export const MAX_NOTE_SIGNATURES = 100;

/** A signature that has been verified. */
export interface NoteSignature extends Pick<NoteKey, "name" | "keyId" | "type" | "vkey"> {
  /** Seconds since the Unix epoch; undefined for type 1. */
  readonly time: bigint | undefined;
}

/** A note of which at least one signature has been verified. */
export interface OpenedNote {
  /** The signed text, with its final newline. */
  readonly text: string;
  /** The signatures by the given verifiers' keys, in the note's order; never empty. */
  readonly signatures: readonly NoteSignature[];
}

/** The parts of a note, of which nothing has been verified. */
export interface ParsedNote {
  readonly text: string;
  readonly lines: readonly SignatureLine[];
}

/** A signature as it stands in a note. */
export interface SignatureLine {
  readonly name: string;
  readonly keyId: number;
  /** What follows the key ID. */
  readonly signature: Uint8Array;
}

/**
 * A note of this text, signed by each signer in the given order.
 *
 * @param options.time seconds since the Unix epoch, which signers of type 4 sign with the text
 * @throws {CoreError} `note_malformed` for a text that a note cannot have, or no signers; `time_range`
 */
export function signNote(text: string, signers: readonly NoteSigner[], options: { readonly time: bigint }): string {
  const lines = signers.map((signer) => {
    const id = new Uint8Array(4);
    new DataView(id.buffer).setUint32(0, signer.keyId);
    return `— ${signer.name} ${toBase64(Buffer.concat([id, signer.sign(text, options.time)]))}\n`;
  });
  const note = `${text}\n${lines.join("")}`;
  if (parseNote(note).text !== text) throw new CoreError("note_malformed", "the text would end at an earlier line");
  return note;
}

/**
 * Opens a note: checks every signature in it by one of the verifiers' keys, of which there must be at least one.
 *
 * @throws {CoreError} `note_malformed`; `signature_invalid` if a signature by a given key does not verify;
 *   `signature_missing` if there is none by any of them
 */
export function openNote(note: string, verifiers: readonly NoteVerifier[]): OpenedNote {
  const { text, lines } = parseNote(note);
  const signatures = verifySignatures(text, lines, verifiers);
  if (signatures.length === 0) throw new CoreError("signature_missing", "the note has no signature by a known key");
  return { text, signatures };
}

/**
 * The signatures by the verifiers' keys, each verified; empty if there is none.
 *
 * @throws {CoreError} `signature_invalid`; `note_malformed` if one key has signed twice
 */
export function verifySignatures(
  text: string,
  lines: readonly SignatureLine[],
  verifiers: readonly NoteVerifier[],
): NoteSignature[] {
  const seen = new Set<NoteVerifier>();
  const signatures: NoteSignature[] = [];
  for (const { name, keyId, signature } of lines) {
    const verifier = verifiers.find((verifier) => verifier.name === name && verifier.keyId === keyId);
    if (verifier === undefined) continue;
    // Two cosignatures with different times would let the reader choose.
    if (seen.has(verifier)) throw new CoreError("note_malformed", `two signatures by ${quoted(name)}`);
    seen.add(verifier);
    if (!verifier.verify(text, signature)) {
      throw new CoreError("signature_invalid", `the signature by ${quoted(name)} does not verify`);
    }
    const time = signedTimeOf(verifier.type, signature);
    signatures.push({ name, keyId, type: verifier.type, vkey: verifier.vkey, time });
  }
  return signatures;
}

/**
 * The parts of a note. Nothing is verified: the text must not be believed.
 *
 * @throws {CoreError} `note_malformed`
 */
export function parseNote(note: string): ParsedNote {
  if (note.length > MAX_NOTE_CHARS) throw malformed(`it is longer than ${MAX_NOTE_CHARS} characters`);
  if (!note.isWellFormed()) throw malformed("it has a lone surrogate");
  if (hasControl(note)) throw malformed("it has a control character");
  const end = note.lastIndexOf("\n\n");
  if (end === -1) throw malformed("it has no empty line before its signatures");
  const signed = note.slice(end + 2);
  if (signed === "" || !signed.endsWith("\n")) throw malformed("it does not end with a signature line");
  // One more than allowed is enough to know.
  const lines = signed.slice(0, -1).split("\n", MAX_NOTE_SIGNATURES + 1);
  if (lines.length > MAX_NOTE_SIGNATURES) throw malformed(`it has more than ${MAX_NOTE_SIGNATURES} signatures`);
  return { text: note.slice(0, end + 1), lines: lines.map(parseLine) };
}

/** Below U+0020 and not a newline. */
function hasControl(note: string): boolean {
  for (let at = 0; at < note.length; at++) {
    const unit = note.charCodeAt(at);
    if (unit < 0x20 && unit !== 0x0a) return true;
  }
  return false;
}

function parseLine(line: string): SignatureLine {
  const [dash, name = "", base64 = "", ...rest] = line.split(" ", 4);
  if (dash !== "—" || rest.length > 0 || !isName(name)) throw malformed(`${quoted(line)} is not a signature line`);
  let bytes: Uint8Array;
  try {
    bytes = fromBase64(base64);
  } catch (cause) {
    throw new CoreError("note_malformed", `not a signed note: ${quoted(base64)} is not base64`, { cause });
  }
  if (bytes.byteLength < 5) throw malformed(`the signature by ${quoted(name)} is too short`);
  return { name, keyId: new DataView(bytes.buffer).getUint32(0), signature: bytes.subarray(4) };
}

function malformed(problem: string): CoreError {
  return new CoreError("note_malformed", `not a signed note: ${problem}`);
}
