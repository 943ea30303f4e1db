import { type Beginning, formatSeconds, toHex } from "@scidex/audit-core";
import type { PublishedHeads } from "@scidex/audit-reader";
import type { EarlierLogReport, EndedLogReport } from "./verification-report.ts";

/** What the report says of logs that have ended; none where heads were not checked. */
export const earlierLogsOf = (published: Pick<PublishedHeads, "earlier"> | null): EarlierLogReport[] =>
  (published?.earlier ?? []).map(({ beginning, endedAt }) => ({
    ...endedBy(beginning),
    endedAt: endedAt === null ? null : formatSeconds(endedAt),
  }));

/** The log that has ended where another begins, as that one's beginning says. */
export function endedBy({ origin, ended, fits, reason, hash, signedTime, misdated }: Beginning): EndedLogReport {
  const { seq, chainHash } = ended.head;
  const fitsTo = fits?.seq ?? 0n;
  return {
    origin: ended.origin,
    seq,
    chainHash: toHex(chainHash),
    next: origin,
    beganAt: formatSeconds(signedTime),
    reason,
    statement: toHex(hash),
    fitsTo,
    lost: fitsTo < seq ? { fromSeq: fitsTo + 1n, toSeq: seq } : null,
    misdated: misdated.map(({ from, to }) => ({ fromSeq: from, toSeq: to })),
  };
}

/** One log in words, for a terminal and for whoever approves it: nothing in it is escaped. */
export function describeEarlierLog(log: EndedLogReport): string {
  const { origin, seq, next, beganAt, reason, fitsTo, lost, misdated } = log;
  const wrong = misdated.map(({ fromSeq, toSeq }) => (fromSeq === toSeq ? String(fromSeq) : `${fromSeq} to ${toSeq}`));
  const parts = [
    `${origin} ended at seq ${seq}; ${next} began at ${beganAt}: ${reason}`,
    lost === null
      ? `the chain has all that it had published`
      : `the chain fits it up to seq ${fitsTo}; what it had published from ${lost.fromSeq} to ${lost.toSeq} is lost, or may be another now`,
    ...(wrong.length === 0 ? [] : [`the times of the links ${wrong.join(", ")} are false`]),
  ];
  return parts.join("; ");
}
