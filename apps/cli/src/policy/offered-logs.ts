import { escapeText } from "@scidex/audit-command";
import { formatSeconds, jsonForm, type SignedBy, toHex } from "@scidex/audit-core";
import { keysOf, type KeyTurn, type Offered, shortKey } from "@scidex/audit-reader";
import {
  type Approval,
  describeEarlierLog,
  endedBy,
  type Policy,
  retiredBy,
  retiredKeyForm,
} from "@scidex/audit-verifier";

export const NEEDS_APPROVAL = "this needs approval";

/** What is offered in words, a line each: a log that has ended, and the one that has begun in its place. */
export const offerLines = (offered: readonly Offered[]): string[] =>
  offered.map(({ beginning, isSignedByEnded }) => {
    const log = endedBy(beginning);
    const signed = isSignedByEnded
      ? "the log that has ended has signed it, too"
      : "NOT SIGNED by the log that has ended: ask whoever publishes whether its key was lost";
    return `log: ${escapeText(describeEarlierLog(log))}; ${signed}; statement ${log.statement}; ${NEEDS_APPROVAL}`;
  });

/** The same as JSON. */
export const offerForm = (offered: readonly Offered[]): unknown =>
  offered.map(({ beginning, isSignedByEnded }) => jsonForm({ ...endedBy(beginning), isSignedByEnded }));

/** Keys that have been replaced, in words, a line each. @param verdict what comes of it */
export const turnLines = (turns: readonly KeyTurn[], verdict: string): string[] =>
  turns.map(
    ({ seq, signedTime, retired, next }) =>
      `key: ${keyNames(retired)} signs nothing newer than the head of ${seq} links of ${formatSeconds(signedTime)}, which is signed by ${keyNames(next)}, too; ${verdict}`,
  );

/** The same as JSON. */
export const turnForm = (turns: readonly KeyTurn[]): unknown => turns.flatMap(retiredBy).map(retiredKeyForm);

const keyNames = (keys: SignedBy): string => escapeText(keysOf(keys).map(shortKey).join(" and "));

/** A policy with the keys that have been replaced. */
export const withRetired = (policy: Policy, turns: readonly KeyTurn[]): Policy =>
  turns.length === 0
    ? policy
    : { ...policy, retiredKeys: [...(policy.retiredKeys ?? []), ...turns.flatMap(retiredBy)] };

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
