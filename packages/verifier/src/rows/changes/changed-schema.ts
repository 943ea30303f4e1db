import type { Seq } from "@scidex/audit-core";
import { inForce, isSameShape } from "../../coverage/config.ts";
import { type Generation, readFrom, statedTo } from "../../coverage/generations.ts";
import type { Recomputation } from "../payload.ts";

/**
 * Whether the columns may have been others at one event than at the one before it, so that the same row had other hashes.
 * Columns are changed some time before the configuration that says so.
 */
export function hasChangedSchema(
  ways: readonly Recomputation[],
  generations: readonly Generation[],
  after: Seq,
  seq: Seq,
): boolean {
  // Up to a statement pairs are counted as they stand; what follows it finds what it has left.
  const first = inForce(ways, seq > statedTo(generations) ? readFrom(after, generations) : after);
  const last = inForce(ways, seq);
  const from = ways.findIndex((way) => way === first);
  const to = ways.findIndex((way) => way === last) + 1;
  const configs = ways.slice(from, to + 1).map(({ config }) => config);
  const isLive = to === ways.length;
  const isChanged = configs.some((config, i) => {
    const before = configs[i - 1];
    return before !== undefined && !isSameShape(before, config);
  });
  return isChanged || (isLive && (ways.at(-1)?.excuse ?? null) !== null);
}
