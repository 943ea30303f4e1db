import { type HeadTrust, parseHeadLine } from "@scidex/audit-core";
import {
  afterLine,
  type KnownLog,
  LOG_START,
  type LogEnd,
  type Publication,
  standingOf,
  wholeLines,
} from "@scidex/audit-reader";
import { type Sink, SinkError } from "@scidex/audit-sinks";
import type { Divergence } from "../divergence.ts";
import { hasGap, type SinkRecord, type State, withDelivered } from "../state/state.ts";
import { judgeSink } from "./judge-sink.ts";

/** How a sink stands to the state. */
export interface SinkScan {
  /** What is known of it now: lines of the outbox that turned out to be there have left the outbox. */
  readonly record: SinkRecord;
  /** Length in bytes of its complete lines. */
  readonly end: number;
  /** Lines that can't be judged without another sink follow those of the record: it has been added to. */
  readonly beyond: boolean;
  readonly finding: Divergence | undefined;
  /** It holds lines of ours that were signed after the state's last head and that it does not know: the newest. */
  readonly newer: Publication | undefined;
  readonly warning: string | undefined;
}

/**
 * Reads a sink to its end and compares it with what the state knows. The log that the state has signed is one sequence
 * of lines, and every sink holds a beginning of it:
 *
 * - all delivered lines, and perhaps lines of the outbox (a publisher was killed before it could note that): fine;
 * - all of these, and then lines that we have signed later: the state is an older copy;
 * - fewer than were delivered: rewound. Not so when just the last one is torn: that is a power cut, and it is written again;
 * - any other content: somebody else has written there. The signatures tell what to call it.
 *
 * Whether the delivered lines are there is the verifier's question too, and the reader answers it. What follows them is a
 * question of the publisher's alone, who knows each line that may stand there.
 *
 * @throws {SinkError} when it can't be read, or its line ends were converted: what is appended would not fit.
 */
export async function scanSink(sink: Sink, state: State, record: SinkRecord, trust: HeadTrust): Promise<SinkScan> {
  const gap = hasGap(state, record);
  const read = await readBeside(sink, record, gap);
  const { count, end, found, digestAtKnown, torn, strange } = read;
  const warning =
    torn === undefined ? undefined : "its last line is torn (a write was cut off); it is repaired by the next append";
  const base = { end, beyond: false, finding: undefined, newer: undefined, warning };

  const standing = strange === undefined ? standingOf({ ...found, digestAtKnown, torn }, knownOf(record)) : undefined;
  // The lines before it are as they were, and it will be written again.
  if (standing === "torn" && record.last !== null)
    return { ...base, record: { ...found, outbox: [record.last, ...record.outbox] } };
  if (standing === "whole") {
    // A log that was copied by hand, or one whose URL has changed.
    if (gap && count === state.log.lines && found.digest === state.log.digest)
      return { ...base, record: { ...found, outbox: [] } };
    const behind = withDelivered(record, read.arrived);
    return { ...base, record: behind, beyond: gap && count > behind.lines };
  }
  const isAsKnown = digestAtKnown === record.digest;
  const since = isAsKnown && state.head !== null ? parseHeadLine(state.head, trust) : undefined;
  return {
    ...base,
    record,
    ...(await judgeSink(
      sink,
      { record, count, strange, begun: state.begun?.number ?? 0, isFresh: state.log.lines === 0, since },
      trust,
    )),
  };
}

const knownOf = ({ lines, digest, last, before }: SinkRecord): KnownLog => ({
  lines,
  digest,
  ...(last === null ? {} : { last: { line: last, before } }),
});

/** What a sink holds, beside what it should. */
interface Reading {
  /** Complete lines, up to one that can't be a line of a log. */
  readonly count: number;
  readonly end: number;
  readonly found: LogEnd;
  readonly digestAtKnown: string | undefined;
  /** How many lines of the outbox are there. */
  readonly arrived: number;
  readonly torn: string | undefined;
  /** The first line that is not where it should be. */
  readonly strange: number | undefined;
}

/** @param gap whether lines are missing between those of the record and the log's end, which only another sink knows */
async function readBeside(sink: Sink, record: SinkRecord, gap: boolean): Promise<Reading> {
  let found: LogEnd = LOG_START;
  let count = 0;
  let end = 0;
  let digestAtKnown = record.lines === 0 ? found.digest : undefined;
  let arrived = 0;
  let torn: string | undefined;
  let strange: number | undefined;
  for await (const line of wholeLines(sink, (text) => (torn = text))) {
    count += 1;
    end = line.end;
    if (line.defect !== null) {
      strange = count;
      break;
    }
    if (line.plain !== line.text) throw converted(sink, count);
    found = afterLine(found, line.text);
    if (count === record.lines) digestAtKnown = found.digest;
    if (count > record.lines) {
      if (line.text === record.outbox[count - record.lines - 1]) arrived += 1;
      else if (!gap || count <= record.lines + record.outbox.length) strange ??= count;
    }
  }
  return { count, end, found, digestAtKnown, arrived, torn, strange };
}

const converted = (sink: Sink, line: number): SinkError =>
  new SinkError(
    "wrong_type",
    `${sink.name} was converted: its line ${line} has the line end (or byte order mark) of another system. Nothing is appended to it. Turn that off (for git: "* -text" in .gitattributes) and convert it back, for example with dos2unix`,
  );
