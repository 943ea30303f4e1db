import { CoreError, type Head, type HeadTrust, sameBytes } from "@scidex/audit-core";
import { afterLine, headOf, LOG_START, type LogEnd, wholeLines } from "@scidex/audit-reader";
import { type Sink, SinkError } from "@scidex/audit-sinks";
import { PublisherError } from "../errors.ts";
import { compareSinks } from "./sink-copy.ts";
import type { SinkRecord, State } from "../state/state.ts";

/**
 * Rebuilds a lost state from the sinks. All of them must be readable, hold nothing but heads signed with these keys, in
 * order, and be beginnings of one log, of which the longest is taken. A sink that is shorter is not caught up from
 * memory, which is lost, but copied from the longest.
 *
 * What this can't see is a head that no sink holds any more: someone who cut back all of them before the state was lost
 * makes the publisher forget what was cut. Hence it is an explicit option, for a person who knows.
 *
 * @throws {PublisherError} `recovery`
 */
export async function recoverState(origin: string, sinks: readonly Sink[], trust: HeadTrust): Promise<State> {
  const logs: { sink: Sink; record: SinkRecord }[] = [];
  for (const sink of sinks) logs.push({ sink, record: await readVerified(sink, trust) });
  const longest = logs.reduce((a, b) => (b.record.lines > a.record.lines ? b : a));
  if (longest.record.last === null)
    throw new PublisherError(
      "recovery",
      "no sink holds a head, so there is nothing to recover the state from. If this log has never published, make it new keys (and with them a state) with audit-chain keygen",
    );
  for (const { sink } of logs) {
    const { common, differs } = await compareSinks(sink, longest.sink);
    if (differs)
      throw new PublisherError(
        "recovery",
        `${sink.name} and ${longest.sink.name} tell different stories from line ${common + 1} on: the state is not rebuilt; audit-verify says more`,
      );
  }
  const { lines, digest, last } = longest.record;
  return {
    origin,
    log: { lines, digest },
    head: last,
    server: null,
    sinks: Object.fromEntries(
      logs.filter(({ record }) => record.lines > 0).map(({ sink, record }) => [sink.name, record]),
    ),
  };
}

async function readVerified(sink: Sink, trust: HeadTrust): Promise<SinkRecord> {
  let end: LogEnd = LOG_START;
  let head: Head | undefined;
  try {
    for await (const line of wholeLines(sink)) {
      const next = line.defect === null ? headOf(line.text, trust) : undefined;
      if (!next) throw new PublisherError("recovery", `line ${line.number} of ${sink.name} is not a head`);
      if (next instanceof CoreError)
        throw new PublisherError(
          "recovery",
          `line ${line.number} of ${sink.name} is not a head signed with these keys: ${next.message}`,
          { cause: next },
        );
      const isOther = head?.seq === next.seq && !sameBytes(head.root, next.root);
      if (head && (next.seq < head.seq || next.signedTime < head.signedTime || isOther))
        throw new PublisherError("recovery", `line ${line.number} of ${sink.name} does not follow the one before`);
      head = next;
      end = afterLine(end, line.text);
    }
  } catch (cause) {
    if (cause instanceof SinkError)
      throw new PublisherError("recovery", `every sink must be readable to recover the state: ${cause.message}`, {
        cause,
      });
    throw cause;
  }
  return { ...end, outbox: [] };
}
