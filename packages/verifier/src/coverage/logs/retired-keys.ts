import {
  formatSeconds,
  jsonInteger,
  type JsonValue,
  parseSeconds,
  parseVerifierKey,
  type RetiredKey,
} from "@scidex/audit-core";
import type { KeyTurn, VerifierError } from "@scidex/audit-reader";

/** Reads the `retired_keys` of a policy. @param malformed makes the error to be thrown */
export function parseRetiredKeys(value: JsonValue, malformed: (what: string) => VerifierError): RetiredKey[] {
  if (!Array.isArray(value)) throw malformed("retired_keys must be a list of what audit-chain policy --approve writes");
  return value.map((entry, i) => {
    const retired = retiredKeyOf(entry);
    if (retired !== undefined) return retired;
    throw malformed(
      `retired_keys[${i}] must have key, a verifier key, last, the size of its last head, and at, when that was signed, as 2026-04-28T13:00:00Z, and nothing else`,
    );
  });
}

function retiredKeyOf(entry: JsonValue): RetiredKey | undefined {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return undefined;
  const { key, last, at, ...others } = entry;
  if (typeof key !== "string" || typeof at !== "string" || Object.keys(others).length > 0) return undefined;
  if (typeof last !== "number" || !Number.isSafeInteger(last) || last < 1) return undefined;
  try {
    parseVerifierKey(key);
    return { key, last: BigInt(last), at: parseSeconds(at) };
  } catch {
    return undefined;
  }
}

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
