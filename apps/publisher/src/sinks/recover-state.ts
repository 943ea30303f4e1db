import {
  CoreError,
  type Head,
  type HeadTrust,
  isErasureLine,
  isStatementLine,
  sameBytes,
  toHex,
} from "@scidex/audit-core";
import {
  afterLine,
  erasureOf,
  isBeginning,
  keysOf,
  KeyTurns,
  LOG_START,
  type LogEnd,
  type OwnBeginning,
  ownBeginning,
  type Publication,
  publicationOf,
  wholeLines,
} from "@scidex/audit-reader";
import { type Sink, SinkError } from "@scidex/audit-sinks";
import { PublisherError } from "../errors.ts";
import { compareSinks } from "./sink-copy.ts";
import type { BegunAt, ReplacedKeys } from "../state/log-history.ts";
import type { SinkRecord, State } from "../state/state.ts";

/**
 * Rebuilds a lost state from the sinks. All of them must be readable, hold nothing but heads and statements signed with
 * these keys, in order, and be beginnings of one log, of which the longest is taken. A sink that is shorter is not caught up from
 * memory, which is lost, but copied from the longest.
 *
 * What this can't see is a head that no sink holds any more: someone who cut back all of them before the state was lost
 * makes the publisher forget what was cut. Hence it is an explicit option, for a person who knows.
 *
 * @throws {PublisherError} `recovery`
 */
export async function recoverState(origin: string, sinks: readonly Sink[], trust: HeadTrust): Promise<State> {
  const logs: (Verified & { readonly sink: Sink })[] = [];
  for (const sink of sinks) logs.push({ sink, ...(await readVerified(sink, trust)) });
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
  const { lines, digest } = longest.record;
  return {
    origin,
    log: { lines, digest },
    head: longest.head,
    server: null,
    settled: null,
    begun: longest.begun,
    relayed: longest.relayed,
    replaced: longest.replaced,
    followedBy: null,
    witnesses: {},
    sinks: Object.fromEntries(
      logs.filter(({ record }) => record.lines > 0).map(({ sink, record }) => [sink.name, record]),
    ),
  };
}

interface Verified {
  readonly record: SinkRecord;
  /** The line of its last head. */
  readonly head: string | null;
  readonly begun: BegunAt | null;
  readonly relayed: readonly string[];
  readonly replaced: readonly ReplacedKeys[];
}

async function readVerified(sink: Sink, trust: HeadTrust): Promise<Verified> {
  let end: LogEnd = LOG_START;
  let before: Publication | undefined;
  let last: Head | undefined;
  let head: string | null = null;
  let begun: BegunAt | null = null;
  const keys = new KeyTurns();
  const relayed: string[] = [];
  try {
    const own: OwnBeginning | undefined = await ownBeginning(sink, trust);
    for await (const line of wholeLines(sink)) {
      const erasure = line.defect === null && isErasureLine(line.text) ? erasureOf(line.text) : undefined;
      if (erasure !== undefined && !(erasure instanceof CoreError)) relayed.push(toHex(erasure.hash));
      if (own !== undefined && line.number <= own.line) {
        // Those before it are the ones that it names.
        if (line.number === own.line)
          [before, begun] = [own.beginning, { line: line.text, number: line.number, since: null }];
        end = afterLine(end, line.text);
        continue;
      }
      if (erasure !== undefined && !(erasure instanceof CoreError)) {
        end = afterLine(end, line.text);
        continue;
      }
      const next = line.defect === null ? publicationOf(line.text, trust) : undefined;
      const what = isStatementLine(line.text) ? "statement" : "head";
      if (!next) throw new PublisherError("recovery", `line ${line.number} of ${sink.name} is not a ${what}`);
      if (next instanceof CoreError)
        throw new PublisherError(
          "recovery",
          `line ${line.number} of ${sink.name} is not a ${what} signed with these keys: ${next.message}`,
          { cause: next },
        );
      const wrong = isBeginning(next) ? undefined : keys.take(next, `line ${line.number} of ${sink.name}`);
      if (wrong !== undefined) throw new PublisherError("recovery", wrong.message);
      if ((before && next.signedTime < before.signedTime) || (last && !("note" in next) && !extendsHead(next, last)))
        throw new PublisherError("recovery", `line ${line.number} of ${sink.name} does not follow the one before`);
      before = next;
      if (!("note" in next)) [last, head] = [next, line.text];
      end = afterLine(end, line.text);
    }
  } catch (cause) {
    if (cause instanceof SinkError)
      throw new PublisherError("recovery", `every sink must be readable to recover the state: ${cause.message}`, {
        cause,
      });
    throw cause;
  }
  const replaced = keys.turns.map(({ retired, next }) => ({ keys: keysOf(retired), by: keysOf(next) }));
  return { record: { ...end, outbox: [] }, head, begun, relayed, replaced };
}

const extendsHead = (next: Head, { seq, root }: Head): boolean =>
  next.seq > seq || (next.seq === seq && sameBytes(next.root, root));
