/**
 * Statements: what the publisher says of a table beside its heads (and of a log: succession/beginning.ts). A statement is a signed note (note.ts) with two lines
 * of text, of which the second is canonical JSON:
 *
 *     audit-chain.statement/v1
 *     {"changes_not_compared":0,"compared":1204,"configuration":{"chain_hash":"<64 hex>","seq":1043},"database":"app",
 *      "head":{"chain_hash":"<64 hex>","seq":1042},"kind":"orders","last":{"chain_hash":"<64 hex>","seq":2248},
 *      "not_compared":0,"origin":"scidex.ai/audit-chain","system_identifier":"7577064117291318723",
 *      "type":"recorded_anew"}
 *
 *     — scidex.ai/audit-chain <base64>
 *     — scidex.ai/audit-chain/timestamp <base64>
 *
 * (The second line is one line.) A checkpoint has three lines, so that neither is ever taken for the other. The note has
 * these two signatures and no others: what is chained is the hash of all of it, and nobody can give it another one.
 *
 *     hash = SHA-256(note as UTF-8)
 *
 * In a head log a statement stands between the lines of heads as a line with one member, and nothing in it has to be
 * believed that the signatures do not cover:
 *
 *     {"statement":"audit-chain.statement/v1\n{…}\n\n— scidex.ai/audit-chain <base64>\n— …\n"}
 */
import { CoreError, quoted } from "./errors.ts";
import { sha256 } from "./hash.ts";
import { MAX_HEAD_CHARS } from "./head.ts";
import { checkSigned, type HeadTrust, type Signed } from "./head-trust.ts";
import { type PublisherKeys, timestampName } from "./key-file.ts";
import { parseNote, type ParsedNote, signNote } from "./note.ts";
import { parseJson } from "./parse-json.ts";
import {
  formatStatementText,
  isObject,
  malformed,
  parseStatementText,
  type RecordedAnew,
  wrapped,
} from "./statement-text.ts";
import { formatSeconds } from "./time.ts";
import type { Seconds } from "./units.ts";

/** How the line of a statement begins, and no other line of a head log. */
const BEGINNING = '{"statement":';

/** A statement whose signatures have been checked. */
export type Statement = RecordedAnew &
  Signed & {
    /** The signed note. */
    readonly note: string;
    /** SHA-256 of the note: what is chained. 32 bytes. */
    readonly hash: Uint8Array;
  };

/**
 * Signs a statement.
 *
 * @param options.keys the publisher's keys
 * @param options.time seconds since the Unix epoch
 * @returns the statement's line in a head log, without a newline
 * @throws {CoreError} `statement_malformed` for a member outside its bounds; `origin_mismatch` for the statement of a log
 *   with other keys; `time_range`
 */
export function signStatement(options: {
  readonly keys: PublisherKeys;
  readonly statement: RecordedAnew;
  readonly time: Seconds;
}): string {
  const { keys, statement, time } = options;
  formatSeconds(time);
  if (statement.origin !== keys.origin)
    throw new CoreError("origin_mismatch", `a statement of another log: ${quoted(statement.origin)}`);
  const text = formatStatementText(statement);
  // What nobody could read is not signed.
  parseStatementText(text);
  return lineOfNote(signNote(text, [keys.log, keys.timestamp], { time }));
}

/**
 * Whether a line of a head log is that of a statement, or of nothing. It says nothing of what follows, so that it can be
 * asked before any signature is verified.
 */
export const isStatementLine = (line: string): boolean => line.startsWith(BEGINNING);

/**
 * Reads the line of a statement (without its newline) and checks it against the signatures. The line comes from a sink
 * that someone hostile may write to; it is parsed before any signature is verified.
 *
 * @throws {CoreError}
 *   - `statement_malformed`: not the line of a statement in its one form, or its text or its signatures are not
 *   - `note_malformed`: it does not hold a signed note
 *   - `origin_mismatch`: a statement of another log than the trusted one
 *   - `signature_missing`: not signed by a trusted key of the log, or not cosigned by a trusted time-stamping key
 *   - `signature_invalid`: a signature by one of these keys does not verify
 *   - `time_range`: signed at a time that has no text
 */
export function parseStatementLine(line: string, trust: HeadTrust): Statement {
  const text = noteOfLine(line);
  const note = parseNote(text);
  const statement = parseStatementText(note.text);
  const signed = checkSigned(note, "a statement", statement.origin, trust);
  if (!isSignedByTwo(note, statement.origin))
    throw malformed("it is not signed by the log and its time-stamping key, in this order, and nobody else");
  formatSeconds(signed.signedTime);
  return { ...statement, ...signed, note: text, hash: sha256(text) };
}

/** The line of a statement, whatever it is about. */
export const lineOfNote = (note: string): string => `${BEGINNING}${JSON.stringify(note)}}`;

/** The note of a statement's line. @throws {CoreError} `statement_malformed` */
export function noteOfLine(line: string): string {
  if (line.length > MAX_HEAD_CHARS) throw malformed(`longer than ${MAX_HEAD_CHARS} characters`);
  const value = wrapped(() => parseJson(line));
  const { statement } = isObject(value) ? value : {};
  if (typeof statement !== "string") throw malformed("it is no JSON object with a note");
  // Members too many, white space, other escapes: all show here.
  if (lineOfNote(statement) !== line) throw malformed("it is not in its one form");
  return statement;
}

/** A signature that nobody looks at would give the note another hash. */
function isSignedByTwo({ lines }: ParsedNote, origin: string): boolean {
  const [log, timestamp, ...others] = lines;
  return log?.name === origin && timestamp?.name === timestampName(origin) && others.length === 0;
}
