/**
 * Beginnings: what the publisher says where a log ends and another one goes on in its place. A beginning is a statement
 * (statement.ts), a signed note with two lines of text, of which the second is canonical JSON:
 *
 *     audit-chain.statement/v1
 *     {"database":"app",
 *      "ended":{"digest":"<64 hex>","head":{"chain_hash":"<64 hex>","seq":1042},"lines":12,"origin":"scidex.ai/audit-chain"},
 *      "fits":{"chain_hash":"<64 hex>","seq":1000},
 *      "keys":["scidex.ai/audit-chain/2+…","scidex.ai/audit-chain/2/timestamp+…"],
 *      "misdated":[{"from_seq":17,"to_seq":17}],
 *      "origin":"scidex.ai/audit-chain/2","reason":"restored the backup of Saturday",
 *      "system_identifier":"7577064117291318723","type":"begun"}
 *
 *     — scidex.ai/audit-chain/2 <base64>
 *     — scidex.ai/audit-chain/2/timestamp <base64>
 *     — scidex.ai/audit-chain <base64>
 *     — scidex.ai/audit-chain/timestamp <base64>
 *
 * (The second line is one line.) The new log's keys sign it, and where they are there, the ended one's, and nobody else.
 * Its own signatures make it no more than a claim of whoever made the keys: a reader follows it only where its own policy
 * has its hash, SHA-256 of the note.
 */
import { CoreError } from "../errors.ts";
import { sha256 } from "../hash.ts";
import { checkSigned, type HeadTrust, headTrust } from "../head-trust.ts";
import { type PublisherKeys, timestampName } from "../key-file.ts";
import { type ParsedNote, parseNote, signNote, verifySignatures } from "../note.ts";
import { isStatementLine, lineOfNote, noteOfLine } from "../statement.ts";
import { malformed } from "../statement-text.ts";
import { formatSeconds } from "../time.ts";
import type { Seconds } from "../units.ts";
import { type Begun, formatBeginningText, parseBeginningText } from "./beginning-text.ts";

/** A beginning whose own signatures have been checked. */
export interface Beginning extends Begun {
  /** The time that was signed. */
  readonly signedTime: Seconds;
  /** The signed note. */
  readonly note: string;
  /** SHA-256 of the note: what a policy pins. 32 bytes. */
  readonly hash: Uint8Array;
}

/**
 * Signs a beginning.
 *
 * @param options.keys the new log's keys
 * @param options.earlier the ended log's; undefined where they are lost
 * @param options.time seconds since the Unix epoch
 * @returns the beginning's line in a head log, without a newline
 * @throws {CoreError} `statement_malformed`, `time_range`
 */
export function signBeginning(options: {
  readonly keys: PublisherKeys;
  readonly earlier: PublisherKeys | undefined;
  readonly begun: Begun;
  readonly time: Seconds;
}): string {
  const { keys, earlier, begun, time } = options;
  const signers = [keys, ...(earlier === undefined ? [] : [earlier])].flatMap(({ log, timestamp }) => [log, timestamp]);
  const line = lineOfNote(signNote(formatBeginningText(begun), signers, { time }));
  // What nobody could read is not signed.
  parseBeginningLine(line);
  return line;
}

/**
 * Whether a line of a head log is that of a beginning, or of nothing: can be asked before anything is verified. `type` is
 * the last member, and text within the JSON has other escapes.
 */
export const isBeginningLine = (line: string): boolean =>
  isStatementLine(line) && line.includes(String.raw`\"type\":\"begun\"}\n\n`);

/**
 * Reads the line of a beginning (without its newline) and checks it against the keys that it names itself. It comes from a
 * sink that someone hostile may write to, who can make such keys: that it is meant, something else must say.
 *
 * @throws {CoreError} `statement_malformed`, `note_malformed`, `key_malformed`, `signature_missing`, `signature_invalid`,
 *   `time_range`
 */
export function parseBeginningLine(line: string): Beginning {
  const text = noteOfLine(line);
  const note = parseNote(text);
  const begun = parseBeginningText(note.text);
  const { signedTime } = checkSigned(note, "a beginning", begun.origin, beginningTrust(begun));
  if (!isSignedByBoth(note, begun))
    throw malformed("it is not signed by the log, perhaps by the ended one, and nobody else");
  formatSeconds(signedTime);
  return { ...begun, signedTime, note: text, hash: sha256(text) };
}

/** What trusts the keys of the log that begins. @throws {CoreError} `key_malformed` */
export const beginningTrust = ({ keys, origin }: Pick<Begun, "keys" | "origin">): HeadTrust => headTrust(keys, origin);

/**
 * Whether the ended log's keys have signed the beginning, too.
 *
 * @param trust what trusts the keys of that log
 */
export function isSignedByEnded({ note: text, ended, signedTime }: Beginning, trust: HeadTrust): boolean {
  const note = parseNote(text);
  const names = [ended.origin, timestampName(ended.origin)];
  try {
    const signed = verifySignatures(
      note.text,
      note.lines,
      trust.verifiers.filter(({ name }) => names.includes(name)),
    );
    return (
      new Set(signed.map(({ name }) => name)).size === 2 &&
      signed.every(({ time }) => time === undefined || time === signedTime)
    );
  } catch (error) {
    if (error instanceof CoreError) return false;
    throw error;
  }
}

/** A signature that nobody looks at would give the note another hash. */
function isSignedByBoth({ lines }: ParsedNote, { origin, ended }: Begun): boolean {
  const names = [origin, timestampName(origin), ended.origin, timestampName(ended.origin)];
  return (lines.length === 2 || lines.length === 4) && lines.every(({ name }, i) => name === names[i]);
}
