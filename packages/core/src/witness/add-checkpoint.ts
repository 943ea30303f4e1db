/**
 * What is said to a witness, and what it answers (c2sp.org/tlog-witness). The request, `POST <prefix>/add-checkpoint`:
 *
 *     old 20852014
 *     PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=      the consistency proof from the old size, at most 63 hashes
 *
 *     example.com/behind-the-sofa                        the checkpoint, a signed note
 *     20852163
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 *     — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5…
 *
 * The answer 200 has one or more signature lines, which are the witness's cosignatures; 409 has the size of the largest
 * checkpoint that it has cosigned, a decimal number and a newline.
 */
import { toBase64 } from "../base64.ts";
import { CoreError, quoted } from "../errors.ts";
import { checkHash } from "../hash.ts";
import { checkTreeSize, MAX_PROOF_HASHES } from "../merkle.ts";
import { MAX_NOTE_CHARS, parseNote, verifySignatures } from "../note.ts";
import type { NoteVerifier } from "../note-key.ts";

/** The longest answer that is read, in bytes. */
export const MAX_WITNESS_ANSWER_BYTES: number = MAX_NOTE_CHARS / 2;

/**
 * The body of a request.
 *
 * @param request.oldSize the size that the witness has cosigned last; 0 for none
 * @param request.proof the consistency proof from there; empty for 0
 * @param request.checkpoint the signed note
 * @throws {CoreError} `tree_range`, `proof_malformed`, `hash_length`, `note_malformed`
 */
export function formatAddCheckpoint(request: {
  readonly oldSize: bigint;
  readonly proof: readonly Uint8Array[];
  readonly checkpoint: string;
}): string {
  const { oldSize, proof, checkpoint } = request;
  if (proof.length > MAX_PROOF_HASHES)
    throw new CoreError("proof_malformed", `more than ${MAX_PROOF_HASHES} hashes of a consistency proof`);
  parseNote(checkpoint);
  const hashes = proof.map((hash) => `${toBase64(checkHash(hash, "a hash of the proof"))}\n`);
  return `old ${checkTreeSize(oldSize)}\n${hashes.join("")}\n${checkpoint}`;
}

/**
 * The size that a witness answers with 409; undefined for anything that is not a size in its one form.
 */
export function parseWitnessSize(body: string): bigint | undefined {
  const size = /^(0|[1-9]\d{0,18})\n$/u.exec(body)?.[1];
  if (size === undefined) return undefined;
  try {
    return checkTreeSize(BigInt(size));
  } catch {
    return undefined;
  }
}

/**
 * The cosignatures of an answer that are by these keys: signature lines, each with its newline. Lines by others are left
 * out, as the specification has it.
 *
 * @param checkpoint the signed note that was sent
 * @param keys of the witness
 * @throws {CoreError} `note_malformed` for what is not signature lines, or two by one key; `signature_invalid` where one by a
 *   given key does not verify or has a time of 0; `signature_missing` where there is none
 */
export function parseCosignatures(body: string, checkpoint: string, keys: readonly NoteVerifier[]): string[] {
  const { text } = parseNote(checkpoint);
  // An answer that brought an empty line could end the text elsewhere.
  if (/^\n|\n\n/u.test(body)) throw new CoreError("note_malformed", "an empty line between signatures");
  const { lines } = parseNote(`${text}\n${body}`);
  const verified = verifySignatures(text, lines, keys);
  const untimed = verified.find(({ time }) => time === undefined || time === 0n);
  if (untimed !== undefined)
    throw new CoreError("signature_invalid", `the cosignature by ${quoted(untimed.name)} has no time`);
  if (verified.length === 0) throw new CoreError("signature_missing", "no cosignature by a key of the witness");
  const isOurs = ({ name, keyId }: { name: string; keyId: number }): boolean =>
    keys.some((key) => key.name === name && key.keyId === keyId);
  // A line of the body for each one that was parsed.
  return body
    .slice(0, -1)
    .split("\n")
    .flatMap((line, at) => (lines[at] !== undefined && isOurs(lines[at]) ? [`${line}\n`] : []));
}
