import { CoreError, type HeadTrust, parseHeadLine } from "@scidex/audit-core";
import { MAX_LINE_BYTES, type Sink } from "@scidex/audit-sinks";
import type { Divergence } from "./divergence.ts";
import { EMPTY_DIGEST, nextDigest } from "./log-digest.ts";
import { hasGap, type LogPosition, type SinkRecord, type State, withDelivered } from "./state.ts";

/** How a sink stands to the state. */
export interface SinkScan {
  /** What is known of it now: lines of the outbox that turned out to be there have left the outbox. */
  readonly record: SinkRecord;
  /** What it holds. */
  readonly found: LogPosition;
  /** Length in bytes of its complete lines. */
  readonly end: number;
  /** Lines that can't be judged without another sink follow those of the record: it has been added to. */
  readonly beyond: boolean;
  readonly finding: Divergence | undefined;
  readonly warning: string | undefined;
}

/**
 * Reads a sink to its end and compares it with what the state knows. The log that the state has signed is one sequence
 * of lines, and every sink holds a beginning of it:
 *
 * - all delivered lines, and perhaps lines of the outbox (a publisher was killed before it could note that): fine;
 * - fewer than were delivered: rewound. Not so when just the last one is torn: that is a power cut, and it is written again;
 * - any other content: somebody else has written there. The signatures tell what to call it.
 *
 * @throws {SinkError} when it can't be read.
 */
export async function scanSink(sink: Sink, state: State, record: SinkRecord, trust: HeadTrust): Promise<SinkScan> {
  let digest = EMPTY_DIGEST;
  let count = 0;
  let end = 0;
  let matched = record.lines === 0;
  let arrived = 0;
  let last: string | null = null;
  let before = EMPTY_DIGEST;
  let torn: string | undefined;
  let strange: number | undefined;
  const gap = hasGap(state, record);
  for await (const line of sink.read()) {
    if (line.defect === "torn") {
      torn = line.text;
      break;
    }
    count += 1;
    end = line.end;
    if (line.defect !== null) {
      strange = count;
      break;
    }
    last = line.text;
    before = digest;
    digest = nextDigest(digest, line.text);
    if (count === record.lines) matched = digest === record.digest;
    if (count > record.lines) {
      if (line.text === record.outbox[count - record.lines - 1]) arrived += 1;
      // Behind a gap come lines that only another sink knows.
      else if (!gap || count <= record.lines + record.outbox.length) strange ??= count;
    }
  }
  const found = { lines: count, digest };
  const warning =
    torn === undefined ? undefined : "its last line is torn (a write was cut off); it is repaired by the next append";
  const base = { found, end, beyond: false, finding: undefined, warning };

  if (strange === undefined && count === record.lines - 1 && digest === record.before && record.last !== null) {
    // The lines before it are as they were, and it will be written again.
    if (torn !== undefined && record.last.startsWith(torn))
      return { ...base, record: { ...found, last, before, outbox: [record.last, ...record.outbox] } };
  }
  if (strange === undefined && matched && count >= record.lines) {
    // A log that was copied by hand, or one whose URL has changed.
    if (gap && count === state.log.lines && digest === state.log.digest)
      return { ...base, record: { ...found, last, before, outbox: [] } };
    const behind = withDelivered(record, arrived);
    return { ...base, record: behind, beyond: gap && count > behind.lines };
  }
  return { ...base, record, finding: await judge(sink, record, count, strange, trust) };
}

/** Names what is wrong with a sink that does not hold what it should. */
async function judge(
  sink: Sink,
  record: SinkRecord,
  count: number,
  strange: number | undefined,
  trust: HeadTrust,
): Promise<Divergence> {
  const { name } = sink;
  let number = 0;
  for await (const line of sink.read()) {
    if (line.defect === "torn") break;
    number += 1;
    const problem = line.defect === null ? problemOf(line.text, trust) : DEFECTS[line.defect];
    if (problem !== undefined)
      return {
        check: "sink_signature",
        group: "heads",
        sink: name,
        message: `line ${number} of ${name} is not a head that this publisher has signed: ${problem} (if AUDIT_SIGNING_KEY_FILE or AUDIT_SINKS is that of another log, correct it)`,
      };
  }
  const seq = record.last === null ? {} : { seq: seqOf(record.last) };
  if (count < record.lines)
    return {
      check: "sink_rewound",
      group: "heads",
      ...seq,
      sink: name,
      expected: `${record.lines} lines`,
      actual: `${count} lines`,
      message: `${name} has held ${record.lines} heads and now holds ${count}: it was cut back`,
    };
  return {
    check: "sink_disagreement",
    group: "heads",
    ...seq,
    sink: name,
    message: `${name} holds genuine heads that do not stand there by the publisher's memory (${strange === undefined ? "among the first" : `line ${strange} after`} ${record.lines} lines). If an older copy of the publisher's .state file was put back, put the newest in its place`,
  };
}

const DEFECTS = { torn: "torn", too_long: `longer than ${MAX_LINE_BYTES} bytes`, not_utf8: "not UTF-8" } as const;

function problemOf(line: string, trust: HeadTrust): string | undefined {
  try {
    parseHeadLine(line, trust);
    return undefined;
  } catch (error) {
    if (error instanceof CoreError) return error.message;
    throw error;
  }
}

/** The seq of a line of our own state. */
export function seqOf(line: string): number {
  const value: unknown = JSON.parse(line);
  return typeof value === "object" && value !== null && "seq" in value ? Number(value.seq) : Number.NaN;
}
