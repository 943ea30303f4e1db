import { eachTuple, type Lane, type Relation } from "@scidex/audit-reader";
import { Kernel } from "../kernel.ts";
import { NO_SUM, type Sum } from "./sums.ts";

/** Kind and key of an event. */
export type EventKey = readonly [kind: string, key: string];

/** What a shard sees of the chain behind the head up to which all shards go alike: more of it the later it looks. */
export interface Newer {
  readonly sums: ReadonlyMap<string, Sum>;
  readonly keys: readonly EventKey[];
  /** The sum of the keys. */
  readonly keySum: Sum;
}

/** Events of more than that are not kept. */
const MAX_NEWER = 1_000_000;

/**
 * Reads the links from `from` on. Whether they are sound the last shard says: here they are what this snapshot's rows are less.
 *
 * @param block where they begin; null where there are none
 * @param lane with `BLOCK_SETTINGS`
 * @returns null where there are too many
 */
export async function readNewer(
  lane: Lane,
  chain: Relation,
  { from, block, tagKey }: { readonly from: bigint; readonly block: number | null; readonly tagKey: Uint8Array },
): Promise<Newer | null> {
  if (block === null) return { sums: new Map(), keys: [], keySum: NO_SUM };
  const kernel = new Kernel(tagKey);
  const keys: EventKey[] = [];
  let isGood = true;
  const columns = ["event_kind", "event_pk", "payload_hash"];
  const rows = await lane.scan(chain, columns, "binary", { from, blocks: [block, null] });
  await eachTuple(rows, columns.length, ([kind, pk, hash]) => {
    if (kind == null || pk == null || hash == null || keys.length === MAX_NEWER) isGood = false;
    if (!isGood || kind == null || pk == null || hash == null) return;
    keys.push([kind.toString(), pk.toString()]);
    isGood = kernel.add(kind.toString(), pk.toString(), hash);
  });
  const sums = kernel.sums();
  const keySum = kernel.keySum();
  kernel.release();
  if (!isGood || sums === null) return null;
  return { sums: new Map(sums.map(({ kind, ...sum }) => [kind, sum])), keys, keySum };
}
