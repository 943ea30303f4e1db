import { type Head, type HeadTrust, parseHeadLine } from "@scidex/audit-core";
import { afterLine, headOf, LOG_START, type LogEnd, wholeLines } from "@scidex/audit-reader";
import { MAX_LINE_BYTES, type Sink, SinkError } from "@scidex/audit-sinks";
import type { Divergence } from "../divergence.ts";
import { hasGap, type SinkRecord, type State, withDelivered } from "../state/state.ts";

/** How a sink stands to the state. */
export interface SinkScan {
  /** What is known of it now: lines of the outbox that turned out to be there have left the outbox. */
  readonly record: SinkRecord;
  /** Length in bytes of its complete lines. */
  readonly end: number;
  /** Lines that can't be judged without another sink follow those of the record: it has been added to. */
  readonly beyond: boolean;
  readonly finding: Divergence | undefined;
  /** It holds heads of ours that were signed after the state's last one: the newest of them. */
  readonly newer: Head | undefined;
  readonly warning: string | undefined;
}

/**
 * Reads a sink to its end and compares it with what the state knows. The log that the state has signed is one sequence
 * of lines, and every sink holds a beginning of it:
 *
 * - all delivered lines, and perhaps lines of the outbox (a publisher was killed before it could note that): fine;
 * - all of these, and then heads that we have signed later: the state is an older copy;
 * - fewer than were delivered: rewound. Not so when just the last one is torn: that is a power cut, and it is written again;
 * - any other content: somebody else has written there. The signatures tell what to call it.
 *
 * @throws {SinkError} when it can't be read, or its line ends were converted: what is appended would not fit.
 */
export async function scanSink(sink: Sink, state: State, record: SinkRecord, trust: HeadTrust): Promise<SinkScan> {
  let found: LogEnd = LOG_START;
  let count = 0;
  let end = 0;
  let matched = record.lines === 0;
  let arrived = 0;
  let torn: string | undefined;
  let strange: number | undefined;
  const gap = hasGap(state, record);
  for await (const line of wholeLines(sink, (text) => (torn = text))) {
    count += 1;
    end = line.end;
    if (line.defect !== null) {
      strange = count;
      break;
    }
    if (line.plain !== line.text)
      throw new SinkError(
        "wrong_type",
        `${sink.name} was converted: its line ${count} has the line end (or byte order mark) of another system. Nothing is appended to it. Turn that off (for git: "* -text" in .gitattributes) and convert it back, for example with dos2unix`,
      );
    found = afterLine(found, line.text);
    if (count === record.lines) matched = found.digest === record.digest;
    if (count > record.lines) {
      if (line.text === record.outbox[count - record.lines - 1]) arrived += 1;
      // Behind a gap come lines that only another sink knows.
      else if (!gap || count <= record.lines + record.outbox.length) strange ??= count;
    }
  }
  const warning =
    torn === undefined ? undefined : "its last line is torn (a write was cut off); it is repaired by the next append";
  const base = { end, beyond: false, finding: undefined, newer: undefined, warning };

  if (strange === undefined && count === record.lines - 1 && found.digest === record.before && record.last !== null) {
    // The lines before it are as they were, and it will be written again.
    if (torn !== undefined && record.last.startsWith(torn))
      return { ...base, record: { ...found, outbox: [record.last, ...record.outbox] } };
  }
  if (strange === undefined && matched && count >= record.lines) {
    // A log that was copied by hand, or one whose URL has changed.
    if (gap && count === state.log.lines && found.digest === state.log.digest)
      return { ...base, record: { ...found, outbox: [] } };
    const behind = withDelivered(record, arrived);
    return { ...base, record: behind, beyond: gap && count > behind.lines };
  }
  const since = matched && state.head !== null ? parseHeadLine(state.head, trust) : undefined;
  const judged = await judge(sink, { record, count, strange, since }, trust);
  return "newer" in judged ? { ...base, record, newer: judged.newer } : { ...base, record, finding: judged.finding };
}

interface Strange {
  readonly record: SinkRecord;
  /** Complete lines in the sink. */
  readonly count: number;
  /** The first one that is not where it should be. */
  readonly strange: number | undefined;
  /** The state's last head, where the lines of the record are as they were. */
  readonly since: Head | undefined;
}

/** Names what is wrong with a sink that does not hold what it should. */
async function judge(
  sink: Sink,
  { record, count, strange, since }: Strange,
  trust: HeadTrust,
): Promise<{ finding: Divergence } | { newer: Head }> {
  const { name } = sink;
  let number = 0;
  // Nobody but us can sign a head that is newer than our last one: then it is our memory that is old.
  let newest = since;
  let isOurs = strange !== undefined;
  for await (const line of wholeLines(sink)) {
    number += 1;
    const read = line.defect === null ? headOf(line.text, trust) : new Error(DEFECTS[line.defect]);
    if (read instanceof Error)
      return {
        finding: {
          check: "sink_signature",
          group: "heads",
          sink: name,
          message: `line ${number} of ${name} is not a head that this publisher has signed: ${read.message} (if AUDIT_SIGNING_KEY_FILE or AUDIT_SINKS is that of another log, correct it)`,
        },
      };
    if (number <= record.lines || line.text === record.outbox[number - record.lines - 1]) continue;
    isOurs &&= newest !== undefined && isAfter(read, newest);
    newest = read;
  }
  if (isOurs && newest !== undefined && newest !== since) return { newer: newest };
  const seq = record.last === null ? {} : { seq: seqOf(record.last) };
  if (count < record.lines)
    return {
      finding: {
        check: "sink_rewound",
        group: "heads",
        ...seq,
        sink: name,
        expected: `${record.lines} lines`,
        actual: `${count} lines`,
        message: `${name} has held ${record.lines} heads and now holds ${count}: it was cut back`,
      },
    };
  return {
    finding: {
      check: "sink_disagreement",
      group: "heads",
      ...seq,
      sink: name,
      message: `${name} holds genuine heads that do not stand there by the publisher's memory (${strange === undefined ? "among the first" : `line ${strange} after`} ${record.lines} lines)`,
    },
  };
}

const isAfter = (head: Head, before: Head): boolean =>
  head.signedTime >= before.signedTime &&
  head.seq >= before.seq &&
  (head.signedTime > before.signedTime || head.seq > before.seq);

const DEFECTS = { too_long: `longer than ${MAX_LINE_BYTES} bytes`, not_utf8: "not UTF-8" } as const;

/** The seq of a line of our own state. */
export function seqOf(line: string): number {
  const value: unknown = JSON.parse(line);
  return typeof value === "object" && value !== null && "seq" in value ? Number(value.seq) : Number.NaN;
}
