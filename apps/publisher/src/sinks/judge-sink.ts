import {
  CoreError,
  hasOtherKeys,
  isErasureLine,
  type Head,
  type HeadTrust,
  isStatementLine,
  parseNote,
  type Seq,
} from "@scidex/audit-core";
import {
  erasureOf,
  isBeginning,
  isStatement,
  KeyTurns,
  type Publication,
  publicationOf,
  wholeLines,
} from "@scidex/audit-reader";
import { MAX_LINE_BYTES, type Sink } from "@scidex/audit-sinks";
import type { Divergence } from "../divergence.ts";
import { PublisherError } from "../errors.ts";
import type { SinkRecord } from "../state/state.ts";

/** A sink that does not hold what it should. */
export interface Strange {
  readonly record: SinkRecord;
  /** Complete lines in the sink. */
  readonly count: number;
  /** The first one that is not where it should be. */
  readonly strange: number | undefined;
  /** The line with which the log begins: those before it are another log's, of which the digest is all that is asked. */
  readonly begun: number;
  /** Whether nothing has been signed yet by the state. */
  readonly isFresh: boolean;
  /** The state's last head, where the lines of the record are as they were. */
  readonly since: Head | undefined;
}

/**
 * Names what is wrong with a sink that does not hold what it should.
 *
 * The verifier judges each line beside the one before it, and sinks beside each other. Here a line is judged beside the
 * publisher's memory: one that is genuine and not remembered may be a sign that the memory is old.
 *
 * @returns a finding, or the newest line of ours that the state does not know
 */
export async function judgeSink(
  sink: Sink,
  { record, count, strange, begun, isFresh, since }: Strange,
  trust: HeadTrust,
): Promise<{ readonly finding: Divergence } | { readonly newer: Publication }> {
  const { name } = sink;
  // Nobody but us can sign what is newer than our last head: then it is our memory that is old.
  let head = since;
  let newest: Publication | undefined = since;
  let isOurs = strange !== undefined;
  // Several statements may be of one second: those that were there before tell which one was put there again.
  const statements = new Set(record.outbox.filter(isStatementLine));
  const keys = new KeyTurns();
  for await (const line of wholeLines(sink)) {
    if (line.number <= begun || isGenuineErasure(line)) continue;
    const read = line.defect === null ? publicationOf(line.text, trust) : new Error(DEFECTS[line.defect]);
    if (read instanceof Error) {
      // Our own key was replaced there.
      if (isOurs && newest !== since && newest !== undefined && isTurn(newest, trust)) return { newer: newest };
      if (isFresh && read instanceof CoreError && read.code === "signature_missing") throw otherKey(name, trust);
      return { finding: notSigned(name, line, read) };
    }
    const wrong = isBeginning(read) ? undefined : keys.take(read, `line ${line.number} of ${name}`);
    if (wrong !== undefined) return { finding: { ...wrong, group: "heads", sink: name } };
    const isKnown = line.number <= record.lines || line.text === record.outbox[line.number - record.lines - 1];
    if (isStatement(read)) {
      const isNew = newest !== undefined && read.signedTime >= newest.signedTime && !statements.has(line.text);
      isOurs &&= isKnown || isNew;
      statements.add(line.text);
    } else if (isBeginning(read)) {
      isOurs &&= isKnown;
    } else if (!isKnown) {
      isOurs &&= head !== undefined && (isAfter(read, head) || isTurn(read, trust));
      head = read;
    }
    if (!isKnown) newest = read;
  }
  if (isOurs && newest !== undefined && newest !== since) return { newer: newest };
  return {
    finding: count < record.lines ? rewound(name, record, count, trust) : misplaced(name, record, strange, trust),
  };
}

/** What others have signed, whoever it is: it tells nothing of what we have. */
const isGenuineErasure = ({ defect, text }: { readonly defect: string | null; readonly text: string }): boolean =>
  defect === null && isErasureLine(text) && !(erasureOf(text) instanceof CoreError);

/** Whether a head was signed with keys of the log that are not known here, too. */
const isTurn = (one: Publication, trust: HeadTrust): boolean =>
  "checkpoint" in one && hasOtherKeys(parseNote(one.checkpoint), one.origin, trust);

const isAfter = (head: Head, before: Head): boolean =>
  head.signedTime >= before.signedTime &&
  head.seq >= before.seq &&
  (head.signedTime > before.signedTime || head.seq > before.seq);

const otherKey = (name: string, { origin = "" }: HeadTrust): PublisherError =>
  new PublisherError(
    "configuration",
    `${name} holds lines of this log, ${JSON.stringify(origin)}, by another key, and the key in AUDIT_SIGNING_KEY_FILE has signed nothing yet. To replace a log's key: audit-publisher rotate-key, with AUDIT_SIGNING_KEY_FILE naming the key that signs until now; it makes the new one. Where that key is lost: audit-publisher begin`,
  );

const DEFECTS = { too_long: `longer than ${MAX_LINE_BYTES} bytes`, not_utf8: "not UTF-8" } as const;

const notSigned = (
  name: string,
  { number, text }: { readonly number: number; readonly text: string },
  { message }: Error,
): Divergence => ({
  check: "sink_signature",
  group: "heads",
  sink: name,
  message: `line ${number} of ${name} is not a ${isStatementLine(text) ? "statement" : "head"} that this publisher has signed: ${message} (if AUDIT_SIGNING_KEY_FILE or AUDIT_SINKS is that of another log, correct it; where the key was to be replaced: audit-publisher rotate-key does that)`,
});

const rewound = (name: string, record: SinkRecord, count: number, trust: HeadTrust): Divergence => ({
  check: "sink_rewound",
  group: "heads",
  ...lastSeq(record, trust),
  sink: name,
  expected: `${record.lines} lines`,
  actual: `${count} lines`,
  message: `${name} has held ${record.lines} lines and now holds ${count}: it was cut back`,
});

const misplaced = (name: string, record: SinkRecord, strange: number | undefined, trust: HeadTrust): Divergence => ({
  check: "sink_disagreement",
  group: "heads",
  ...lastSeq(record, trust),
  sink: name,
  message: `${name} holds genuine lines that do not stand there by the publisher's memory (${strange === undefined ? "among the first" : `line ${strange} after`} ${record.lines} lines)`,
});

/** How long the chain was by the last line that the sink is known to have held: a line of our own state. */
function lastSeq({ last }: SinkRecord, trust: HeadTrust): { readonly seq?: Seq } {
  const read = last === null ? undefined : publicationOf(last, trust);
  if (read === undefined || read instanceof CoreError) return {};
  if (isBeginning(read)) return {};
  return { seq: isStatement(read) ? read.last.seq : read.seq };
}
