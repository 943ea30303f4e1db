/**
 * Heads: what the publisher puts where the database cannot reach it. A head log has one line of JSON per publication,
 * with these seven members in this order, and nothing between them:
 *
 *     {"seq":1042,
 *      "chain_hash":"<64 hex>",
 *      "appended_at":"2026-04-28T12:00:00.123456Z",
 *      "published_at":"2026-04-28T13:00:00Z",
 *      "checkpoint":"scidex.ai/audit-chain\n1042\n<base64>\n\n— scidex.ai/audit-chain <base64>\n— scidex.ai/audit-chain/timestamp <base64>\n",
 *      "entry":"{\"appended_at\":\"2026-04-28T12:00:00.123456Z\",…,\"seq\":1042}",
 *      "proof":["<base64>"]}
 *
 * Nothing in it has to be believed. Everything follows from the two signatures (a third repeats them by ML-DSA-44, where the
 * log has such a key):
 *
 *     log's signature ──► checkpoint: origin, size, root ──► seq = size
 *                                      root ──► proof ──► entry ──► seq, chain_hash, appended_at
 *     cosignature ──────► time ──► published_at
 *
 * and the proof, being that of the last leaf, is also the tree's frontier (frontier.ts).
 *
 * Statements (statement.ts) may stand between the lines of heads.
 */
import { fromBase64, toBase64 } from "./base64.ts";
import { formatCheckpoint } from "./checkpoint.ts";
import { CoreError } from "./errors.ts";
import { appendLeaf, type Frontier, frontierFromLastLeaf, frontierRoot, lastLeafProof } from "./frontier.ts";
import { checkHash, hashFromHex, sameBytes, toHex } from "./hash.ts";
import { type HeadTrust, openCheckpoint, type Signed } from "./head-trust.ts";
import { type PublisherKeys, signersOf } from "./key-file.ts";
import { type Leaf, leafText, parseLeaf } from "./leaf.ts";
import { leafHash, MAX_PROOF_HASHES } from "./merkle.ts";
import { MAX_NOTE_CHARS, signNote } from "./note.ts";
import { type JsonValue, parseJson } from "./parse-json.ts";
import { checkTime, formatSeconds } from "./time.ts";

/** No line is longer, in UTF-16 code units. The note takes most of it: witnesses may sign with long keys. */
export const MAX_HEAD_CHARS: number = MAX_NOTE_CHARS + 100_000;

/** The members of a head line. */
export interface HeadParts {
  readonly seq: bigint;
  /** 32 bytes. */
  readonly chainHash: Uint8Array;
  /** `YYYY-MM-DDTHH:MM:SS.ffffffZ` */
  readonly appendedAt: string;
  /** `YYYY-MM-DDTHH:MM:SSZ` */
  readonly publishedAt: string;
  /** The signed note. */
  readonly checkpoint: string;
  /** The leaf of this seq. */
  readonly entry: string;
  /** Its inclusion proof. */
  readonly proof: readonly Uint8Array[];
}

/** A head of which every member has been checked against the signatures. */
export interface Head extends HeadParts, Signed {
  readonly proof: Uint8Array[];
  readonly origin: string;
  /** Root of the tree of `seq` leaves. 32 bytes. */
  readonly root: Uint8Array;
  readonly leaf: Leaf;
  readonly frontier: Frontier;
}

/**
 * The line of a head, without a newline. Nothing is checked that `parseHeadLine` will check.
 *
 * @throws {CoreError} `hash_length` for a chain hash that does not have 32 bytes
 */
export function formatHeadLine(parts: HeadParts): string {
  const members = [
    `"seq":${parts.seq}`,
    `"chain_hash":"${toHex(checkHash(parts.chainHash, "chain_hash"))}"`,
    `"appended_at":${JSON.stringify(parts.appendedAt)}`,
    `"published_at":${JSON.stringify(parts.publishedAt)}`,
    `"checkpoint":${JSON.stringify(parts.checkpoint)}`,
    `"entry":${JSON.stringify(parts.entry)}`,
    `"proof":${JSON.stringify(parts.proof.map(toBase64))}`,
  ];
  return `{${members.join(",")}}`;
}

/**
 * Signs the head of a chain.
 *
 * @param options.keys the publisher's keys
 * @param options.next keys that take the place of those: they sign the head too
 * @param options.leaf the last link's
 * @param options.before the frontier of the tree before that leaf: of `leaf.seq - 1` leaves
 * @param options.time seconds since the Unix epoch; becomes `published_at`
 * @returns the head's line, without a newline
 * @throws {CoreError} `tree_range` if frontier and leaf do not follow each other; as `leafText` and `formatSeconds`
 */
export function signHead(options: {
  readonly keys: PublisherKeys;
  readonly next?: PublisherKeys | undefined;
  readonly leaf: Leaf;
  readonly before: Frontier;
  readonly time: bigint;
}): string {
  const { keys, next, leaf, before, time } = options;
  const signers = [keys, ...(next === undefined ? [] : [next])].flatMap(signersOf);
  if (before.size + 1n !== leaf.seq) {
    throw new CoreError("tree_range", `the leaf of seq ${leaf.seq} does not follow ${before.size} leaves`);
  }
  const publishedAt = formatSeconds(time);
  const entry = leafText(leaf);
  const root = frontierRoot(appendLeaf(before, leafHash(entry)));
  const text = formatCheckpoint({ origin: keys.origin, size: leaf.seq, root });
  return formatHeadLine({
    seq: leaf.seq,
    chainHash: leaf.chainHash,
    appendedAt: leaf.appendedAt,
    publishedAt,
    checkpoint: signNote(text, signers, { time }),
    entry,
    proof: lastLeafProof(before),
  });
}

/**
 * Reads a head line (without its newline) and checks every member against the signatures. The line comes from a sink
 * that someone hostile may write to; it is parsed before any signature is verified.
 *
 * @throws {CoreError}
 *   - `head_malformed`: not a head line in its one form; `note_malformed`, `checkpoint_malformed`, `leaf_malformed`: one
 *     of its parts is not
 *   - `origin_mismatch`: a checkpoint of another log than the trusted one
 *   - `signature_missing`: not signed by a trusted key of the log, or not cosigned by a trusted time-stamping key
 *   - `signature_invalid`: a signature by one of these keys does not verify
 *   - `head_member_mismatch`: `seq`, `published_at`, `chain_hash` or `appended_at` is not what was signed
 *   - `proof_malformed`, `proof_mismatch`: the proof does not lead from the entry to the signed root
 */
export function parseHeadLine(line: string, trust: HeadTrust): Head {
  const parts = parseHeadParts(line);
  const { origin, size, root, signedTime, signedBy } = openCheckpoint(parts.checkpoint, trust);
  if (parts.seq !== size) throw mismatch("seq", "is not the checkpoint's tree size");
  if (!isTextOf(parts.publishedAt, signedTime)) throw mismatch("published_at", "is not the cosigned time");
  const leaf = parseLeaf(parts.entry);
  const frontier = frontierFromLastLeaf({ size, leafHash: leafHash(parts.entry), proof: parts.proof });
  if (!sameBytes(frontierRoot(frontier), root)) {
    throw new CoreError("proof_mismatch", "the proof does not lead from the entry to the signed root");
  }
  if (leaf.seq !== size) throw mismatch("entry", "is the leaf of another seq");
  if (!sameBytes(leaf.chainHash, parts.chainHash)) throw mismatch("chain_hash", "is not the entry's");
  if (leaf.appendedAt !== parts.appendedAt) throw mismatch("appended_at", "is not the entry's");
  return { ...parts, origin, root, leaf, frontier, signedTime, signedBy };
}

function isTextOf(publishedAt: string, time: bigint): boolean {
  try {
    return formatSeconds(time) === publishedAt;
  } catch {
    // A genuine signature of a time beyond the year 9999 has no text.
    return false;
  }
}

function mismatch(member: string, problem: string): CoreError {
  return new CoreError("head_member_mismatch", `${member} ${problem}`);
}

/**
 * Reads the members of a head line, whose signatures nobody has checked: they are what the line claims.
 *
 * @throws {CoreError} `head_malformed` for what is not a head line in its one form
 */
export function parseHeadParts(line: string): HeadParts & { readonly proof: Uint8Array[] } {
  if (line.length > MAX_HEAD_CHARS) throw new CoreError("head_malformed", `longer than ${MAX_HEAD_CHARS} characters`);
  try {
    const parts = readParts(parseJson(line));
    // Names, their order and number, white space, escapes, hex and base64: all show here.
    if (formatHeadLine(parts) !== line) throw new CoreError("head_malformed", "it is not in its one form");
    return parts;
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new CoreError("head_malformed", `not a head line: ${cause.message}`, { cause });
  }
}

function readParts(value: JsonValue): HeadParts & { readonly proof: Uint8Array[] } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CoreError("head_malformed", "it is no JSON object");
  }
  const { seq, proof } = value;
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 1) {
    throw new CoreError("head_malformed", "seq is not an integer from 1 to 2^53 - 1");
  }
  if (!Array.isArray(proof) || proof.length > MAX_PROOF_HASHES) {
    throw new CoreError("head_malformed", `proof is not an array of at most ${MAX_PROOF_HASHES}`);
  }
  const appendedAt = text(value, "appended_at");
  checkTime(appendedAt);
  return {
    seq: BigInt(seq),
    chainHash: hashFromHex(text(value, "chain_hash")),
    appendedAt,
    publishedAt: text(value, "published_at"),
    checkpoint: text(value, "checkpoint"),
    entry: text(value, "entry"),
    proof: proof.map((hash) => checkHash(fromBase64(typeof hash === "string" ? hash : ""), "a hash of the proof")),
  };
}

function text(object: { [name: string]: JsonValue }, name: string): string {
  const value = object[name];
  if (typeof value !== "string") throw new CoreError("head_malformed", `${name} is not a string`);
  return value;
}
