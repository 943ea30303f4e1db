import { CoreError, type Head, type HeadTrust, parseVerifierKey } from "@scidex/audit-core";
import { headOf, wholeLines } from "@scidex/audit-reader";
import { type Sink, SinkError } from "@scidex/audit-sinks";

/** Lines that are kept for a closer look. Whoever puts more forgeries there than this gets a longer range verified. */
const KEPT = 64;

export interface PublishedTimes {
  /** The newest signed time in any sink, in seconds since the Unix epoch. */
  readonly newest: bigint | undefined;
  /** The seq of the newest head that was signed at `cutoff` or before. */
  readonly seqBefore: bigint | undefined;
}

/**
 * Finds the newest signed time, and the newest head that is old enough, in all sinks. Lines are chosen by the time that
 * they claim, and only believed when their signatures hold; so only a few signatures are verified, however long the log.
 * A sink that cannot be read is passed over: the verification itself says so.
 *
 * @param keys verifier keys; with one that cannot be read nothing is found, and the verification says so
 * @param cutoff in seconds since the Unix epoch
 */
export async function readPublishedTimes(
  sinks: readonly Sink[],
  keys: readonly string[],
  origin: string | undefined,
  cutoff: bigint,
): Promise<PublishedTimes> {
  const trust = trustOf(keys, origin);
  if (trust === undefined) return { newest: undefined, seqBefore: undefined };
  const all = await Promise.all(sinks.map(async (sink) => readSink(sink, trust, cutoff)));
  const newest = latest(all.map((one) => one.newest));
  return { newest: newest?.signedTime, seqBefore: latest(all.map((one) => one.before))?.seq };
}

async function readSink(
  sink: Sink,
  trust: HeadTrust,
  cutoff: bigint,
): Promise<{ newest: Head | undefined; before: Head | undefined }> {
  const lines: string[] = [];
  const old: string[] = [];
  const keep = (list: string[], line: string): void => {
    list.push(line);
    if (list.length > KEPT) list.shift();
  };
  try {
    for await (const { plain, defect } of wholeLines(sink)) {
      if (defect !== null) continue;
      keep(lines, plain);
      if (isClaimedBefore(plain, cutoff)) keep(old, plain);
    }
  } catch (error) {
    if (!(error instanceof SinkError)) throw error;
  }
  const genuine = (line: string): Head | undefined => {
    const head = headOf(line, trust);
    return head instanceof CoreError ? undefined : head;
  };
  return {
    newest: lastWhere(lines, genuine),
    before: lastWhere(old, (line) => {
      const head = genuine(line);
      return head !== undefined && head.signedTime <= cutoff ? head : undefined;
    }),
  };
}

/** By `published_at` as it stands in the line, unverified. */
function isClaimedBefore(line: string, cutoff: bigint): boolean {
  const claimed = /"published_at":"([^"]{20,27})"/.exec(line)?.[1];
  const time = claimed === undefined ? Number.NaN : Date.parse(claimed);
  return Number.isFinite(time) && BigInt(Math.floor(time / 1_000)) <= cutoff;
}

function lastWhere<T>(lines: readonly string[], pick: (line: string) => T | undefined): T | undefined {
  for (const line of lines.toReversed()) {
    const found = pick(line);
    if (found !== undefined) return found;
  }
  return undefined;
}

function latest(heads: readonly (Head | undefined)[]): Head | undefined {
  return heads.reduce(
    (a, b) => (a === undefined || (b !== undefined && b.signedTime > a.signedTime) ? b : a),
    undefined,
  );
}

function trustOf(keys: readonly string[], origin: string | undefined): HeadTrust | undefined {
  try {
    return { origin, verifiers: keys.map(parseVerifierKey) };
  } catch (error) {
    if (error instanceof CoreError) return undefined;
    throw error;
  }
}
