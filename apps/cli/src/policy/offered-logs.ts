import { escapeText } from "@scidex/audit-command";
import { jsonForm, toHex } from "@scidex/audit-core";
import type { Offered } from "@scidex/audit-reader";
import { type Approval, describeEarlierLog, endedBy, type Policy } from "@scidex/audit-verifier";

/** What is offered in words, a line each: a log that has ended, and the one that has begun in its place. */
export const offerLines = (offered: readonly Offered[]): string[] =>
  offered.map(({ beginning, isSignedByEnded }) => {
    const log = endedBy(beginning);
    const signed = isSignedByEnded
      ? "the log that has ended has signed it, too"
      : "NOT SIGNED by the log that has ended: ask whoever publishes whether its key was lost";
    return `log: ${escapeText(describeEarlierLog(log))}; ${signed}; statement ${log.statement}; this needs approval`;
  });

/** The same as JSON. */
export const offerForm = (offered: readonly Offered[]): unknown =>
  offered.map(({ beginning, isSignedByEnded }) => jsonForm({ ...endedBy(beginning), isSignedByEnded }));

/** What a policy has approved of the chain as it is now: what was lost with a log that has ended is none of it. */
export function approvedStill({ approved }: Policy, offered: readonly Offered[]): Approval | undefined {
  let still = approved;
  for (const { beginning } of offered) {
    const { ended, fits } = beginning;
    if (still === undefined || still.seq > ended.head.seq || still.seq <= (fits?.seq ?? 0n)) continue;
    still = fits === null ? undefined : { seq: fits.seq, chainHash: toHex(fits.chainHash) };
  }
  return still;
}
