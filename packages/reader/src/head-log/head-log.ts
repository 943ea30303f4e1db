import {
  CoreError,
  type CoreErrorCode,
  EMPTY_LOG_DIGEST,
  type HeadTrust,
  nextLogDigest,
  parseHeadLine,
  sameBytes,
} from "@scidex/audit-core";
import type { Place } from "@scidex/audit-sinks";
import type { Report } from "../finding/finding.ts";
import type { PublishedHead } from "./published-head.ts";
import { toPublished } from "./published-head.ts";

/** One line as a sink gives it. `defect` says what is wrong with the line itself; see the sinks package. */
export interface HeadLogLine {
  readonly number: number;
  readonly text: string;
  readonly defect: null | "torn" | "too_long" | "not_utf8";
}

/** A place that keeps the head log: each sink of the sinks package is one. */
export interface HeadLog {
  /** How reports name it: without secrets. */
  readonly name: string;
  read(): AsyncIterable<HeadLogLine>;
  /** Where it is, to find logs that are one. */
  place?(): Promise<Place | undefined>;
}

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
 * A log whose line ends were converted (git's `core.autocrlf`, an editor) says what it said: its lines are read without what
 * was added, and how many they are is part of the result.
 */
export async function readHeadLog(
  log: HeadLog,
  trust: HeadTrust,
  knownLines: number,
  report: Report,
): Promise<ReadLog> {
  const heads: PublishedHead[] = [];
  const warnings: string[] = [];
  let lines = 0;
  let digest = EMPTY_LOG_DIGEST;
  let digestAtKnown = knownLines === 0 ? digest : undefined;
  let torn: string | undefined;
  let converted = 0;
  for await (const line of log.read()) {
    const where = `line ${line.number} of ${log.name}`;
    if (line.defect === "torn") {
      torn = line.text;
      warnings.push(`${where} is torn: its end is missing. The next publication repairs it.`);
      continue;
    }
    lines++;
    const text = unconverted(line);
    if (text !== line.text) converted++;
    digest = nextLogDigest(digest, text);
    if (lines === knownLines) digestAtKnown = digest;
    if (line.defect !== null) {
      report({
        check: "sink_signature",
        message: `${where} is not a head: it is ${line.defect === "too_long" ? "too long" : "not UTF-8"}`,
      });
      continue;
    }
    try {
      const head = toPublished(parseHeadLine(text, trust));
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
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
      report({
        check: "sink_signature",
        message: `${where} is not a head that the publisher signed (${error.code}): ${error.message}${ADVICE[error.code] ?? ""}`,
      });
    }
  }
  return { name: log.name, heads, lines, digest, digestAtKnown, torn, converted, warnings };
}

/** A line without what programs of other systems add to it. */
function unconverted({ number, text }: HeadLogLine): string {
  const begin = number === 1 && text.startsWith("\ufeff") ? 1 : 0;
  return text.slice(begin, text.endsWith("\r") ? -1 : undefined);
}

/** What looks the same where the verifier was given the keys, or the log, of somebody else. */
const ADVICE: Readonly<Partial<Record<CoreErrorCode, string>>> = {
  origin_mismatch: ". Check that AUDIT_VERIFIER_KEYS, AUDIT_ORIGIN and AUDIT_SINKS are those of one log",
  signature_missing: ". Check that AUDIT_VERIFIER_KEYS has the keys of this log",
};
