import { type Head, type HeadTrust, parseHeadParts, type Seq } from "@scidex/audit-core";
import { headOf, wholeLines } from "@scidex/audit-reader";
import { MAX_LINE_BYTES, type Sink } from "@scidex/audit-sinks";
import type { Divergence } from "../divergence.ts";
import type { SinkRecord } from "../state/state.ts";

/** A sink that does not hold what it should. */
export interface Strange {
  readonly record: SinkRecord;
  /** Complete lines in the sink. */
  readonly count: number;
  /** The first one that is not where it should be. */
  readonly strange: number | undefined;
  /** The state's last head, where the lines of the record are as they were. */
  readonly since: Head | undefined;
}

/**
 * Names what is wrong with a sink that does not hold what it should.
 *
 * The verifier judges each line beside the one before it, and sinks beside each other. Here a line is judged beside the
 * publisher's memory: one that is genuine and not remembered may be a sign that the memory is old.
 *
 * @returns a finding, or the newest head of ours that the state does not know
 */
export async function judgeSink(
  sink: Sink,
  { record, count, strange, since }: Strange,
  trust: HeadTrust,
): Promise<{ readonly finding: Divergence } | { readonly newer: Head }> {
  const { name } = sink;
  // Nobody but us can sign a head that is newer than our last one: then it is our memory that is old.
  let newest = since;
  let isOurs = strange !== undefined;
  for await (const line of wholeLines(sink)) {
    const read = line.defect === null ? headOf(line.text, trust) : new Error(DEFECTS[line.defect]);
    if (read instanceof Error) return { finding: notSigned(name, line.number, read) };
    if (line.number <= record.lines || line.text === record.outbox[line.number - record.lines - 1]) continue;
    isOurs &&= newest !== undefined && isAfter(read, newest);
    newest = read;
  }
  if (isOurs && newest !== undefined && newest !== since) return { newer: newest };
  return { finding: count < record.lines ? rewound(name, record, count) : misplaced(name, record, strange) };
}

const isAfter = (head: Head, before: Head): boolean =>
  head.signedTime >= before.signedTime &&
  head.seq >= before.seq &&
  (head.signedTime > before.signedTime || head.seq > before.seq);

const DEFECTS = { too_long: `longer than ${MAX_LINE_BYTES} bytes`, not_utf8: "not UTF-8" } as const;

const notSigned = (name: string, line: number, { message }: Error): Divergence => ({
  check: "sink_signature",
  group: "heads",
  sink: name,
  message: `line ${line} of ${name} is not a head that this publisher has signed: ${message} (if AUDIT_SIGNING_KEY_FILE or AUDIT_SINKS is that of another log, correct it)`,
});

const rewound = (name: string, record: SinkRecord, count: number): Divergence => ({
  check: "sink_rewound",
  group: "heads",
  ...lastSeq(record),
  sink: name,
  expected: `${record.lines} lines`,
  actual: `${count} lines`,
  message: `${name} has held ${record.lines} heads and now holds ${count}: it was cut back`,
});

const misplaced = (name: string, record: SinkRecord, strange: number | undefined): Divergence => ({
  check: "sink_disagreement",
  group: "heads",
  ...lastSeq(record),
  sink: name,
  message: `${name} holds genuine heads that do not stand there by the publisher's memory (${strange === undefined ? "among the first" : `line ${strange} after`} ${record.lines} lines)`,
});

/** The seq of the last line that the sink is known to have held: a line of our own state. */
function lastSeq({ last }: SinkRecord): { readonly seq?: Seq } {
  return last === null ? {} : { seq: parseHeadParts(last).seq };
}
