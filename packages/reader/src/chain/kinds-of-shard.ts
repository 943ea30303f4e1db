import type { Shard } from "./range.ts";

/** Whether a run compares events of a kind, given in UTF-8, with each other and with the rows of its table. */
export type IsOurs = (kind: Uint8Array) => boolean;

/**
 * Each kind falls to one shard, with its table and its changes (`<kind>:update` …). By a hash (FNV-1a, 32 bits) of what stands
 * before the first colon, and by nothing else: shards look at different moments, and a table that is attached between them must
 * not move another one from a shard that is still to come to one that has been.
 */
export function kindsOfShard(shard: Shard | undefined): IsOurs {
  if (shard === undefined || shard.of === 1) return () => true;
  const { number, of } = shard;
  return (kind) => fnv1a(kind) % of === number - 1;
}

function fnv1a(kind: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of kind) {
    if (byte === COLON) break;
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}

const COLON = 0x3a;
