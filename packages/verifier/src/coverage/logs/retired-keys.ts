import { formatSeconds, jsonInteger, type RetiredKey } from "@scidex/audit-core";
import type { KeyTurn } from "@scidex/audit-reader";

/** The same as JSON has it. */
export const retiredKeyForm = ({ key, last, at }: RetiredKey): { key: string; last: number | string; at: string } => ({
  key,
  last: jsonInteger(last),
  at: formatSeconds(at),
});

/**
 * The keys that have been replaced there, as a policy has them. Without the ML-DSA-44 key, which signs nothing alone: who reads
 * by the Ed25519 keys only has the same policy.
 */
export const retiredBy = ({ retired: { logKeys, timeKeys }, seq, signedTime }: KeyTurn): RetiredKey[] =>
  [...logKeys, ...timeKeys].map((key) => ({ key, last: seq, at: signedTime }));

/** Keys that were replaced by what the sinks say, and that the policy does not have. */
export const newlyRetired = (turns: readonly KeyTurn[], known: readonly RetiredKey[] = []): KeyTurn[] =>
  turns.filter((turn) => retiredBy(turn).some(({ key }) => !known.some((one) => one.key === key)));
