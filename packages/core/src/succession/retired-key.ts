import { CoreError } from "../errors.ts";
import type { SignedCheckpoint } from "../head-trust.ts";
import { formatSeconds } from "../time.ts";
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
