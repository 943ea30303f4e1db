import { CoreError } from "../errors.ts";
import type { SignedCheckpoint } from "../head-trust.ts";
import { parseVerifierKey } from "../note-key.ts";
import type { JsonValue } from "../parse-json.ts";
import { formatSeconds, parseSeconds } from "../time.ts";
import type { Seconds, Seq } from "../units.ts";

/** A key that has been replaced, as the reader's policy has it. */
export interface RetiredKey {
  /** A verifier key of the log, or of its time-stamping. */
  readonly key: string;
  /** The size of the last head that it has signed, and when that was. */
  readonly last: Seq;
  readonly at: Seconds;
}

/** Whether what it has signed, of that size and at that time, is beyond its last head. */
export const isBeyond = ({ last, at }: RetiredKey, size: Seq, signedTime: Seconds): boolean =>
  size > last || signedTime > at;

/**
 * Holds a checkpoint on its own to the time of the keys that have signed it.
 *
 * @returns the last head of its keys, where they have been replaced since. The checkpoint is of their time, by its own words:
 *   whoever has them now can still sign another one like it
 * @throws {CoreError} `retired_key` where it is beyond the last head of the keys that have signed it
 */
export function requireInTime(
  { size, signedTime, signedBy }: SignedCheckpoint,
  retired: readonly RetiredKey[],
): RetiredKey | null {
  const known = new Map(retired.map((one) => [one.key, one]));
  let replaced: RetiredKey | null = null;
  for (const keys of [signedBy.logKeys, signedBy.timeKeys]) {
    const ends = keys.map((key) => known.get(key));
    // With one that was not replaced, those beside it do not matter: a head is signed by both when keys are replaced.
    if (ends.includes(undefined)) continue;
    const inTime = ends.find((one) => one !== undefined && !isBeyond(one, size, signedTime));
    const [end] = ends;
    if (inTime === undefined && end !== undefined)
      throw new CoreError(
        "retired_key",
        `signed with a key that had been replaced by then: its last head has ${end.last} links, and was signed at ${formatSeconds(end.at)}`,
      );
    replaced ??= inTime ?? null;
  }
  return replaced;
}

/** Reads the `retired_keys` of a policy. @param malformed makes the error to be thrown */
export function parseRetiredKeys(value: JsonValue, malformed: (what: string) => Error): RetiredKey[] {
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
