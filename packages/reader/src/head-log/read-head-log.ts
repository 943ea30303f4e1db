import { CoreError, type CoreErrorCode, type HeadTrust, sameBytes } from "@scidex/audit-core";
import type { ReportFinding } from "../finding/finding.ts";
import { afterLine, type HeadLog, headOf, LOG_START, wholeLines } from "./log-lines.ts";
import { type PublishedHead, toPublished } from "./published-head.ts";

/** What was read from a head log: the heads whose signatures hold, in the order in which they stand there. */
export interface ReadLog {
  readonly name: string;
  readonly heads: readonly PublishedHead[];
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
  const heads: PublishedHead[] = [];
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
        message: `${where} is not a head: it is ${line.defect === "too_long" ? "too long" : "not UTF-8"}`,
      });
      continue;
    }
    const read = headOf(line.plain, trust);
    if (read instanceof CoreError) {
      report({
        check: "sink_signature",
        message: `${where} is not a head that the publisher signed (${read.code}): ${read.message}${ADVICE[read.code] ?? ""}`,
      });
      continue;
    }
    const head = toPublished(read);
    const before = heads.at(-1);
    if (before !== undefined && (head.signedTime < before.signedTime || head.seq < before.seq)) {
      report({
        check: "sink_signature",
        expected: `not before ${before.publishedAt} and seq ${before.seq}`,
        actual: `${head.publishedAt} and seq ${head.seq}`,
        message: `${where} is a genuine head, but older than the line before it: it was put there again`,
      });
      continue;
    }
    if (before !== undefined && head.seq === before.seq && !sameBytes(head.root, before.root)) {
      report({
        check: "sink_signature",
        message: `${where} signs another tree of ${head.seq} links than the line before it`,
      });
      continue;
    }
    heads.push(head);
  }
  const { lines, digest } = end;
  const warnings =
    torn === undefined
      ? []
      : [`line ${lines + 1} of ${log.name} is torn: its end is missing. The next publication repairs it.`];
  return { name: log.name, heads, lines, digest, digestAtKnown, torn, converted, warnings };
}

/** What looks the same where the verifier was given the keys, or the log, of somebody else. */
const ADVICE: Readonly<Partial<Record<CoreErrorCode, string>>> = {
  origin_mismatch: ". Check that AUDIT_VERIFIER_KEYS, AUDIT_ORIGIN and AUDIT_SINKS are those of one log",
  signature_missing: ". Check that AUDIT_VERIFIER_KEYS has the keys of this log",
};
