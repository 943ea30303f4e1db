import { CoreError, type HeadTrust, isBeginningLine, isStatementLine, parseSeconds } from "@scidex/audit-core";
import {
  afterLine,
  beginningOf,
  headOf,
  headPartsOf,
  LOG_START,
  type LogTrust,
  Succession,
  type WholeLine,
  wholeLines,
} from "@scidex/audit-reader";
import { openSink, type SinkAddress, SinkError, type SinkLine } from "@scidex/audit-sinks";

/** The last head that a sink holds, whatever statements follow it. */
export interface SinkHead {
  readonly seq: number;
  readonly published_at: string;
  readonly age_seconds: number | null;
  /** Whether its signatures were checked; without keys it is only what the sink says. */
  readonly verified: boolean;
}

export interface SinkState {
  readonly sink: string;
  /** How many complete lines it holds. */
  readonly lines: number;
  readonly last: SinkHead | null;
  /** Whether an unfinished line is at its end, left by a power cut; the next publication removes it. */
  readonly torn: boolean;
  /** Why it could not be read, or why its last line that is no statement is no head of the log. */
  readonly error: string | null;
}

/** How long one step of reading a sink may take, in milliseconds. */
export const SINK_TIMEOUT_MS = 20_000;

/**
 * Reads the last head of a sink.
 *
 * @param trust without keys, the line is read without checking its signatures
 * @param now milliseconds since the Unix epoch
 */
export async function readSinkHead(
  address: SinkAddress,
  trust: LogTrust,
  options: { readonly now: number; readonly signal: AbortSignal },
): Promise<SinkState> {
  const sink = openSink(address, { timeoutMs: SINK_TIMEOUT_MS, signal: options.signal });
  let lines = 0;
  let last: WholeLine<SinkLine> | undefined;
  let torn = false;
  const succession = new Succession(trust);
  let end = LOG_START;
  try {
    for await (const line of wholeLines(sink, () => (torn = true))) {
      lines++;
      const beginning = line.defect === null && isBeginningLine(line.plain) ? beginningOf(line.plain) : undefined;
      if (beginning !== undefined && !(beginning instanceof CoreError)) succession.follow(beginning, end, sink.name);
      end = afterLine(end, line.plain);
      // What the publisher says of a table tells nothing of how far the chain is published.
      if (!isStatementLine(line.plain)) last = line;
    }
    const base = { sink: sink.name, lines, torn };
    if (last === undefined) return { ...base, last: null, error: null };
    const judged = judge(last, succession.trust, options.now);
    const [other] = succession.offered;
    if (judged.error === null || other === undefined) return { ...base, ...judged };
    const { origin } = other.beginning;
    return {
      ...base,
      last: null,
      error: `another log, ${JSON.stringify(origin)}, has begun in its place, and the policy does not have it (audit-chain policy --diff)`,
    };
  } catch (error) {
    if (!(error instanceof SinkError)) throw error;
    return { sink: sink.name, lines, last: null, torn, error: error.message };
  } finally {
    await sink.close();
  }
}

function judge(
  { defect, plain }: WholeLine<SinkLine>,
  trust: HeadTrust,
  now: number,
): Pick<SinkState, "last" | "error"> {
  if (defect !== null) return { last: null, error: `its last line is not a head (${defect})` };
  const verified = trust.verifiers.length > 0;
  const head = verified ? headOf(plain, trust) : headPartsOf(plain);
  if (head instanceof CoreError)
    return { last: null, error: `its last line is not a head of this log: ${head.message}` };
  const seconds = secondsOf(head.publishedAt);
  const age = seconds === null ? null : Math.max(0, now / 1000 - seconds);
  return {
    last: { seq: Number(head.seq), published_at: head.publishedAt, age_seconds: age, verified },
    error: null,
  };
}

/** Null where a line without a signature says something else than a time. */
function secondsOf(publishedAt: string): number | null {
  try {
    return Number(parseSeconds(publishedAt));
  } catch {
    return null;
  }
}
