/**
 * Proofs as files (c2sp.org/tlog-proof): that an entry stands at an index of the tree of a signed checkpoint.
 *
 *     c2sp.org/tlog-proof@v1
 *     extra eyJhcHBlbmRlZF9hdCI6…
 *     index 1041
 *     gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
 *     B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
 *
 *     scidex.ai/audit-chain
 *     1042
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 *     — scidex.ai/audit-chain …
 *
 * Each line ends with a newline. `extra` may be missing; it is opaque and proves nothing by itself. Then the index, decimal
 * and without leading zeros, the inclusion proof, nearest the leaf first, at most 63 hashes in base64, an empty line,
 * and the checkpoint as it was signed. Files are named `*.tlog-proof`.
 */
import { fromBase64, toBase64 } from "../base64.ts";
import { CoreError, quoted } from "../errors.ts";
import { checkHash } from "../hash.ts";
import { MAX_PROOF_HASHES, MAX_TREE_SIZE } from "../merkle.ts";
import { MAX_NOTE_CHARS, parseNote } from "../note.ts";

/** The parts of a proof, of which nothing has been verified. */
export interface TlogProof {
  /** From 0. */
  readonly index: bigint;
  /** The inclusion proof, nearest the leaf first. */
  readonly hashes: readonly Uint8Array[];
  /** A signed note. */
  readonly checkpoint: string;
  /** Null where there is none. */
  readonly extra: Uint8Array | null;
}

const FIRST_LINE = "c2sp.org/tlog-proof@v1";

/** The longest extra data that is read, in characters of base64: more than any leaf has. */
const MAX_EXTRA_CHARS = 90_000;

/** The longest proof that is read, in UTF-16 code units. */
export const MAX_TLOG_PROOF_CHARS: number = MAX_NOTE_CHARS + MAX_EXTRA_CHARS + 5_000;

/**
 * The text of a proof. Nothing is checked that `parseTlogProof` will check.
 */
export function formatTlogProof({ index, hashes, checkpoint, extra }: TlogProof): string {
  const lines = [
    FIRST_LINE,
    ...(extra === null ? [] : [`extra ${toBase64(extra)}`]),
    `index ${index}`,
    ...hashes.map(toBase64),
  ];
  return `${lines.join("\n")}\n\n${checkpoint}`;
}

/**
 * The parts of a proof's text, which must be exactly what `formatTlogProof` writes. Nothing is verified.
 *
 * @throws {CoreError} `proof_malformed`, `note_malformed`
 */
export function parseTlogProof(text: string): TlogProof {
  if (text.length > MAX_TLOG_PROOF_CHARS) throw malformed(`longer than ${MAX_TLOG_PROOF_CHARS} characters`);
  const end = text.indexOf("\n\n");
  if (end === -1) throw malformed("it has no empty line before its checkpoint");
  // One line more than allowed is enough to know.
  const [first, ...lines] = text.slice(0, end).split("\n", MAX_PROOF_HASHES + 4);
  if (first !== FIRST_LINE) throw malformed(`it does not begin with ${FIRST_LINE}`);
  const extra = lines[0]?.startsWith("extra ") === true ? lines.shift()?.slice("extra ".length) : undefined;
  const index = /^index (0|[1-9]\d{0,18})$/u.exec(lines.shift() ?? "")?.[1];
  if (index === undefined) throw malformed("it has no index line");
  if (BigInt(index) >= MAX_TREE_SIZE) throw malformed(`no tree has a leaf ${index}`);
  if (lines.length > MAX_PROOF_HASHES) throw malformed(`it has more than ${MAX_PROOF_HASHES} hashes`);
  const checkpoint = text.slice(end + 2);
  parseNote(checkpoint);
  return {
    index: BigInt(index),
    hashes: lines.map((line) => wrapped(line, () => checkHash(fromBase64(line), "a hash of the proof"))),
    checkpoint,
    extra: extra === undefined ? null : wrapped(extra, () => fromBase64(extra)),
  };
}

function wrapped<T>(line: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new CoreError("proof_malformed", `not a tlog-proof: ${quoted(line)}: ${cause.message}`, { cause });
  }
}

const malformed = (problem: string): CoreError => new CoreError("proof_malformed", `not a tlog-proof: ${problem}`);
