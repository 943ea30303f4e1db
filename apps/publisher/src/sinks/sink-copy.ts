import { afterLine, LOG_START, type LogEnd, wholeLines } from "@scidex/audit-reader";
import type { Leaves, Sink } from "@scidex/audit-sinks";
import type { Divergence } from "../divergence.ts";
import type { LogPosition, SinkRecord } from "../state/state.ts";

const BATCH_BYTES = 1_048_576;

/** How much of one sink's log another one holds. */
export interface Comparison {
  /** Lines that both have, from the first on. */
  readonly common: number;
  /** Length of these lines in bytes. */
  readonly end: number;
  /** The first sink has another line than the other one there. */
  readonly differs: boolean;
  /** The first sink has a line where the other one ends. */
  readonly longer: boolean;
}

/**
 * Reads two sinks side by side, up to the first difference or the end of the first one.
 *
 * The verifier holds the publications of sinks against each other. What is copied must be the same to the byte, whoever
 * has signed it: so lines are compared here.
 */
export async function compareSinks(sink: Sink, reference: Sink): Promise<Comparison> {
  const known = wholeLines(reference);
  let common = 0;
  let end = 0;
  try {
    for await (const line of wholeLines(sink)) {
      const next = await known.next();
      if (next.done === true) return { common, end, differs: false, longer: true };
      if (line.defect !== null || next.value.defect !== null || next.value.text !== line.text)
        return { common, end, differs: true, longer: false };
      common += 1;
      end = line.end;
    }
    return { common, end, differs: false, longer: false };
  } finally {
    await known.return();
  }
}

export const sinksDisagree = (sink: Sink, reference: Sink, common: number): Divergence => ({
  check: "sink_disagreement",
  group: "heads",
  sink: sink.name,
  message: `${sink.name} and ${reference.name} tell different stories from line ${common + 1} on`,
});

/**
 * Brings a sink that was added later, or was away for longer, up to what another one holds. The other one has just been
 * found to hold the whole log, as the state knows it; the copy is checked against the state's digest all the same.
 *
 * @returns the sink's record, or undefined when the two disagree or the copy isn't the log: nothing may be noted then.
 * @throws {SinkError} Lines that were copied until then stay, and are found there next time.
 */
export async function copyMissing(
  sink: Sink,
  reference: Sink,
  log: LogPosition,
  leaves: Leaves,
): Promise<SinkRecord | undefined> {
  const { common, end: start, differs, longer } = await compareSinks(sink, reference);
  if (differs || longer) return undefined;
  let read: LogEnd = LOG_START;
  let end = start;
  let batch: string[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    if (batch.length > 0) ({ end } = await sink.append(batch, { after: end, leaves }));
    batch = [];
    size = 0;
  };
  for await (const line of wholeLines(reference)) {
    if (line.defect !== null) break;
    read = afterLine(read, line.text);
    if (read.lines > common) {
      batch.push(line.text);
      size += line.text.length;
      if (size >= BATCH_BYTES) await flush();
    }
    if (read.lines === log.lines) break;
  }
  if (read.lines !== log.lines || read.digest !== log.digest) return undefined;
  await flush();
  return { ...read, outbox: [] };
}
