import { describeMissing, type TrustPolicy, type Witnessed, witnessedBy } from "@scidex/audit-core";
import type { PublishedHeads } from "@scidex/audit-reader";
import { witnessesReport } from "../report/witnesses.ts";
import { VERIFY_DEFAULTS, type VerifyOptions } from "../verify-options.ts";
import type { Noted } from "./noted.ts";

/**
 * Judges the newest head by the trust policy. A cosignature may be as much older than the head as the head may be old
 * now: the same tree is signed again when nothing is new, and with its text alone an old cosignature would fit that for
 * ever, while its witness has long seen a larger one.
 */
export function checkWitnesses(
  { newest }: PublishedHeads,
  policy: TrustPolicy | undefined,
  { maxHeadAgeMs = VERIFY_DEFAULTS.maxHeadAgeMs }: VerifyOptions,
  noted: Noted,
): void {
  if (policy === undefined || newest === null) return;
  if (policy.quorum === undefined)
    noted.warn([
      'the trust policy has "quorum none": no witness need have seen what was published, and somebody else may be shown another log',
    ]);
  const { head, notes, own } = newest;
  const since = head.signedTime - BigInt(Math.ceil(maxHeadAgeMs / 1_000));
  const [best] = notes.map((note) => witnessedBy(note, policy, own, { since })).toSorted(betterFirst);
  if (best === undefined) return;
  noted.saw({ witnesses: witnessesReport(head, best) });
  if (best.isMet) return;
  noted.report({
    check: "witness_missing",
    expected: `cosigned by ${JSON.stringify(best.quorum)}`,
    actual:
      best.cosigned.length === 0 ? "by nobody" : `by ${best.cosigned.map(({ witness }) => witness.name).join(", ")}`,
    message: `the newest head (seq ${head.seq}, published at ${head.publishedAt}) is not valid by the trust policy: ${describeMissing(best)}`,
  });
}

const betterFirst = (a: Witnessed, b: Witnessed): number =>
  a.isMet === b.isMet ? b.cosigned.length - a.cosigned.length : a.isMet ? -1 : 1;
