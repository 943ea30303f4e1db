import { eachTuple, type Lane, type Relation } from "@scidex/audit-reader";
import { Kernel } from "../kernel.ts";
import { NO_SUM, type Sum } from "./sums.ts";

/** Kind and key of an event. */
export type EventKey = readonly [kind: string, key: string];

/** What a shard sees of the chain behind the head up to which all shards go alike: more of it the later it looks. */
export interface Newer {
  readonly sums: ReadonlyMap<string, Sum>;
  readonly keys: readonly EventKey[];
  /** The payload hashes, by kind and key: of rows that are left out of a table which several shards read. */
  readonly hashes: NewerRows;
  /** The sum of the keys. */
  readonly keySum: Sum;
}

/** Payload hashes by kind and key. */
export type NewerRows = ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;

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
  if (block === null) return { sums: new Map(), keys: [], hashes: new Map(), keySum: NO_SUM };
  const kernel = new Kernel(tagKey);
  const keys: EventKey[] = [];
  const hashes = new Map<string, Map<string, Uint8Array>>();
  let isGood = true;
  const columns = ["event_kind", "event_pk", "payload_hash"];
  const rows = await lane.scan(chain, columns, "binary", { from, blocks: [block, null] });
  await eachTuple(rows, columns.length, ([kind, pk, hash]) => {
    if (kind == null || pk == null || hash == null || keys.length === MAX_NEWER) isGood = false;
    if (!isGood || kind == null || pk == null || hash == null) return;
    keys.push([kind.toString(), pk.toString()]);
    const ofKind = hashes.get(kind.toString()) ?? new Map<string, Uint8Array>();
    hashes.set(kind.toString(), ofKind.set(pk.toString(), Uint8Array.from(hash)));
    isGood = kernel.add(kind.toString(), pk.toString(), hash);
  });
  const sums = kernel.sums();
  const keySum = kernel.keySum();
  kernel.release();
  if (!isGood || sums === null) return null;
  return { sums: new Map(sums.map(({ kind, ...sum }) => [kind, sum])), keys, hashes, keySum };
}

/** The same with what is not linked yet. */
export async function withWaiting(lane: Lane, hashes: NewerRows, pending: Relation): Promise<NewerRows> {
  const all = new Map([...hashes].map(([kind, ofKind]) => [kind, new Map(ofKind)]));
  const columns = ["event_kind", "event_pk", "payload_hash", "conflict"];
  await eachTuple(await lane.scan(pending, columns, "binary"), columns.length, ([kind, pk, hash, conflict]) => {
    if (kind == null || pk == null || hash == null || conflict !== null) return;
    const ofKind = all.get(kind.toString()) ?? new Map<string, Uint8Array>();
    all.set(kind.toString(), ofKind.set(pk.toString(), Uint8Array.from(hash)));
  });
  return all;
}
