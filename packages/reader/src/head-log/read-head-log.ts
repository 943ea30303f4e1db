import {
  CoreError,
  type CoreErrorCode,
  formatSeconds,
  type HeadTrust,
  isStatementLine,
  sameBytes,
  type Seconds,
  type Statement,
} from "@scidex/audit-core";
import type { Finding, ReportFinding } from "../finding/finding.ts";
import { afterLine, type HeadLog, isStatement, LOG_START, publicationOf, wholeLines } from "./log-lines.ts";
import { type PublishedHead, toPublished } from "./published-head.ts";

/** What was read from a head log: what is signed, in the order in which it stands there. */
export interface ReadLog {
  readonly name: string;
  /** The heads and the statements between them. */
  readonly publications: readonly (PublishedHead | Statement)[];
  readonly heads: readonly PublishedHead[];
  readonly statements: readonly Statement[];
  /** Number of whole lines, and their running digest (`nextLogDigest`). */
  readonly lines: number;
  readonly digest: string;
  /** The same after the first `known.lines` lines, where the caller knew of some. */
  readonly digestAtKnown: string | undefined;
  /** What is there of a last line whose end is missing. */
  readonly torn: string | undefined;
  /** Number of lines with a carriage return at their end, or a byte order mark before the first. */
  readonly converted: number;
  readonly warnings: readonly string[];
}

/**
 * Reads a head log and checks every line against the trusted keys. What is wrong with a line is a finding; a log that
 * cannot be read to its end is an error of the sink, which is thrown.
 *
 * Lines are only appended, and each is signed with its time: a line that is older than the one before it was put there
 * by someone else.
 *
 * A log whose line ends were converted (git's `core.autocrlf`, an editor) still says what it said. Its lines are read
 * without what was added, and the result has the number of such lines.
 */
export async function readHeadLog(
  log: HeadLog,
  trust: HeadTrust,
  knownLines: number,
  report: ReportFinding,
): Promise<ReadLog> {
  const publications: (PublishedHead | Statement)[] = [];
  const heads: PublishedHead[] = [];
  const statements: Statement[] = [];
  let end = LOG_START;
  let digestAtKnown = knownLines === 0 ? end.digest : undefined;
  let torn: string | undefined;
  let converted = 0;
  for await (const line of wholeLines(log, (text) => (torn = text))) {
    const where = `line ${line.number} of ${log.name}`;
    if (line.plain !== line.text) converted++;
    end = afterLine(end, line.plain);
    if (end.lines === knownLines) digestAtKnown = end.digest;
    if (line.defect !== null) {
      report({
        check: "sink_signature",
        message: `${where} is neither a head nor a statement: it is ${line.defect === "too_long" ? "too long" : "not UTF-8"}`,
      });
      continue;
    }
    const read = publicationOf(line.plain, trust);
    if (read instanceof CoreError) {
      report({
        check: "sink_signature",
        message: `${where} is not ${kindOf(line.plain)} that the publisher signed (${read.code}): ${read.message}${ADVICE[read.code] ?? ""}`,
      });
      continue;
    }
    const publication = isStatement(read) ? read : toPublished(read);
    const misplaced = misplacement(publication, publications.at(-1), heads.at(-1), where);
    if (misplaced !== undefined) {
      report(misplaced);
      continue;
    }
    publications.push(publication);
    if (isStatement(publication)) statements.push(publication);
    else heads.push(publication);
  }
  const { lines, digest } = end;
  const warnings =
    torn === undefined
      ? []
      : [`line ${lines + 1} of ${log.name} is torn: its end is missing. The next publication repairs it.`];
  return { name: log.name, publications, heads, statements, lines, digest, digestAtKnown, torn, converted, warnings };
}

const kindOf = (line: string): string => (isStatementLine(line) ? "a statement" : "a head");

/** What is wrong with a genuine line behind the one before it and the last head before it. */
function misplacement(
  one: PublishedHead | Statement,
  before: PublishedHead | Statement | undefined,
  last: PublishedHead | undefined,
  where: string,
): Finding | undefined {
  if (before === undefined) return undefined;
  const head = isStatement(one) ? undefined : one;
  const check = "sink_signature";
  if (one.signedTime < before.signedTime || (head && last && head.seq < last.seq))
    return {
      check,
      expected: `not before ${placeOf(before.signedTime, head && last)}`,
      actual: placeOf(one.signedTime, head),
      message: `${where} is a genuine ${head ? "head" : "statement"}, but older than the line before it: it was put there again`,
    };
  if (head && last && head.seq === last.seq && !sameBytes(head.root, last.root))
    return { check, message: `${where} signs another tree of ${head.seq} links than the head before it` };
  return undefined;
}

const placeOf = (signedTime: Seconds, head: PublishedHead | undefined): string =>
  `${formatSeconds(signedTime)}${head === undefined ? "" : ` and seq ${head.seq}`}`;

/** What looks the same where the verifier was given the keys, or the log, of somebody else. */
const ADVICE: Readonly<Partial<Record<CoreErrorCode, string>>> = {
  origin_mismatch: ". Check that AUDIT_VERIFIER_KEYS, AUDIT_ORIGIN and AUDIT_SINKS are those of one log",
  signature_missing: ". Check that AUDIT_VERIFIER_KEYS has the keys of this log",
};
