import {
  type Beginning,
  CoreError,
  EMPTY_LOG_DIGEST,
  type Erasure,
  type Head,
  type HeadParts,
  type HeadTrust,
  isBeginningLine,
  isStatementLine,
  nextLogDigest,
  parseBeginningLine,
  parseErasureLine,
  parseHeadLine,
  parseHeadParts,
  parseStatementLine,
  type Statement,
} from "@scidex/audit-core";
import type { Place, TreeFiles } from "@scidex/audit-sinks";

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
  /** The files of the tree that it keeps beside its lines, if it does. */
  readonly files?: TreeFiles;
  /** What was seen while it was read that changes nothing of what was read. */
  warnings?(): readonly string[];
  /** Where it is, to find logs that are one. */
  place?(): Promise<Place | undefined>;
}

/** A line with its line feed. What has none is not in the log. */
export type WholeLine<Line extends HeadLogLine> = Line & {
  readonly defect: null | "too_long" | "not_utf8";
  /**
   * Without what programs of other systems add (git's `core.autocrlf`, an editor): a carriage return at its end, a byte
   * order mark before the first. Another text than `text` where the log was converted.
   */
  readonly plain: string;
};

/** The lines of a head log from the first on. Whatever reads one reads it by this. */
export async function* wholeLines<Line extends HeadLogLine>(
  log: { read(): AsyncIterable<Line> },
  onTorn: (text: string) => void = () => {},
): AsyncGenerator<WholeLine<Line>, void> {
  for await (const line of log.read()) {
    const { defect } = line;
    if (defect === "torn") {
      onTorn(line.text);
      return;
    }
    yield { ...line, defect, plain: plainText(line) };
  }
}

function plainText({ number, text }: HeadLogLine): string {
  const begin = number === 1 && text.startsWith("\ufeff") ? 1 : 0;
  return text.slice(begin, text.endsWith("\r") ? -1 : undefined);
}

/** How far a head log has been read: all that a memory of it needs. */
export interface LogEnd {
  readonly lines: number;
  /** The running digest of these lines (`nextLogDigest`), in hex. */
  readonly digest: string;
  /** The last of them; null for none. */
  readonly last: string | null;
  /** The digest without that line. */
  readonly before: string;
}

/** Before the first line. */
export const LOG_START: LogEnd = { lines: 0, digest: EMPTY_LOG_DIGEST, last: null, before: EMPTY_LOG_DIGEST };

/** After one more line. */
export const afterLine = ({ lines, digest }: LogEnd, line: string): LogEnd => ({
  lines: lines + 1,
  digest: nextLogDigest(digest, line),
  last: line,
  before: digest,
});

/** What a publisher signs and puts into a head log: each line is one of these. */
export type Publication = Head | Statement | Beginning;

/** Tells what a line of a head log was read as. */
export const isStatement = (one: object): one is Statement => "type" in one && one.type === "recorded_anew";

/** The same of a beginning. */
export const isBeginning = (one: object): one is Beginning => "type" in one && one.type === "begun";

/** The head, the statement or the beginning that a line is, or why it is none that these keys have signed. */
export function publicationOf(line: string, trust: HeadTrust): Publication | CoreError {
  if (!isStatementLine(line)) return headOf(line, trust);
  if (!isBeginningLine(line)) return orError(() => parseStatementLine(line, trust));
  const beginning = beginningOf(line);
  if (beginning instanceof CoreError || isBeginningOf(beginning, trust)) return beginning;
  return new CoreError("origin_mismatch", `the beginning of another log: ${JSON.stringify(beginning.origin)}`);
}

/** The beginning that a line is, whoever has signed it, or why it is none. */
export const beginningOf = (line: string): Beginning | CoreError => orError(() => parseBeginningLine(line));

/** The erasure that a line is, whoever has signed it, or why it is none. */
export const erasureOf = (line: string): Erasure | CoreError => orError(() => parseErasureLine(line));

/** Whether a beginning is that of the trusted log, with just its keys. */
export const isBeginningOf = ({ origin, keys }: Beginning, trust: HeadTrust): boolean =>
  origin === trust.origin && keys.every((key) => trust.verifiers.some(({ vkey }) => vkey === key));

/** The head that a line is, or why it is none that these keys have signed. */
export const headOf = (line: string, trust: HeadTrust): Head | CoreError => orError(() => parseHeadLine(line, trust));

/** What a line says, whoever has signed it, or why it is not the line of a head. */
export const headPartsOf = (line: string): HeadParts | CoreError => orError(() => parseHeadParts(line));

function orError<T>(read: () => T): T | CoreError {
  try {
    return read();
  } catch (error) {
    // A Node.js that knows no ML-DSA-44 says nothing of the line.
    if (error instanceof CoreError && error.code !== "key_unsupported") return error;
    throw error;
  }
}
