import { quotedName } from "@scidex/audit-core";
import {
  BLOCK_SETTINGS,
  type Blocks,
  closedForm,
  eachTuple,
  joinCopies,
  type Lane,
  type Relation,
  scanForm,
  type Shard,
} from "@scidex/audit-reader";
import { compareBytes } from "../../rows/byte-order.ts";
import type { Crew } from "../crew.ts";
import { Kernel } from "../kernel.ts";
import type { EventKey } from "./newer.ts";
import { minus, type Sum } from "./sums.ts";

/** From the first key on, up to before the second; null for the ends. */
export interface KeyRange {
  readonly from: EventKey | null;
  readonly to: EventKey | null;
}

/** Blocks of the chain out of whose keys ranges are chosen: so many a shard, within bounds. */
const SAMPLES = { aShard: 8, least: 32, most: 1_024 } as const;

/**
 * The range of keys that falls to a shard: about as many to each. Chosen from links that all shards see alike, those up to a
 * published head, in blocks that lie evenly between the beginning of the chain and that head.
 *
 * @param block the one in which the head's link stands
 */
export async function keyRangeOf(
  lane: Lane,
  chain: Relation,
  { number, of }: Shard,
  { seq, block }: { readonly seq: bigint; readonly block: number },
): Promise<KeyRange> {
  const samples = Math.min(Math.max(SAMPLES.aShard * of, SAMPLES.least), SAMPLES.most);
  const places = new Set(Array.from({ length: samples }, (_, i) => Math.floor(((block + 1) * (i + 0.5)) / samples)));
  const columns = ["seq", "event_kind", "event_pk"];
  const forms = [...places].map((place): ReturnType<typeof scanForm> => {
    const blocks: Blocks = [place, place + 1];
    return scanForm(chain, columns, { blocks });
  });
  const keys: EventKey[] = [];
  await lane.plan(BLOCK_SETTINGS);
  await lane.readEach(forms, "binary", async (chunks) => {
    await eachTuple(chunks, columns.length, ([at, kind, key]) => {
      if (at?.length === 8 && at.readBigInt64BE(0) <= seq && kind != null && key != null)
        keys.push([kind.toString(), key.toString()]);
    });
  });
  const sorted = keys.toSorted(compareKeys);
  const cut = (k: number): EventKey | null => sorted[Math.floor((sorted.length * k) / of)] ?? null;
  // Of a chain without links, the first one has everything.
  return { from: number === 1 ? null : cut(number - 1), to: number === of ? null : cut(number) };
}

const compareKeys = ([kindA, keyA]: EventKey, [kindB, keyB]: EventKey): number =>
  compareBytes(kindA, kindB) || compareBytes(keyA, keyB);

const isIn = (key: EventKey, { from, to }: KeyRange): boolean =>
  (from === null || compareKeys(key, from) >= 0) && (to === null || compareKeys(key, to) < 0);

/** What scans an index alone, and nothing else. */
const INDEX_SETTINGS = [
  "enable_seqscan = off",
  "enable_sort = off",
  "enable_tidscan = off",
  "enable_indexonlyscan = on",
] as const;

/**
 * Reads a range of the keys of all events from the chain's unique index, in order, and vouches that none is there twice. The
 * index may lie: whoever believes this has to hold the sum of all ranges against that of all links.
 *
 * @param index its oid; it compares by the server's own functions
 * @param newer keys that are left out
 * @returns null where a key is there twice, or the index is not read
 */
export async function sumKeys(
  lane: Lane,
  crew: Crew,
  chain: Relation,
  given: {
    readonly index: string;
    readonly range: KeyRange;
    readonly newer: readonly EventKey[];
    readonly tagKey: Uint8Array;
  },
): Promise<Sum | null> {
  const { index, range, newer, tagKey } = given;
  await lane.plan(INDEX_SETTINGS);
  const closed = { relations: new Set([String(chain.oid)]) };
  const table = `only ${quotedName(chain.schema)}.${quotedName(chain.name)}`;
  const open = conditionsOf(range).map((condition) => async () => {
    const statement = `select a.event_kind as c0, a.event_pk as c1 from ${table} as a${condition} order by a.event_kind, a.event_pk`;
    const form = closedForm(statement, closed, (plan) =>
      plan.node === "INDEXONLYSCAN" && plan.index === index && !plan.isFiltered ? null : "another index",
    );
    return await lane.read(form, "binary");
  });
  const all = await crew.run({ what: "keys", tagKey }, joinCopies(open), () => {});
  if (all === null) return null;
  const kernel = new Kernel(tagKey);
  const nothing = new Uint8Array(32);
  for (const key of newer) if (isIn(key, range)) kernel.add(...key, nothing);
  const sum = minus(all, kernel.keySum());
  kernel.release();
  return sum;
}

/** A range in parts that an index finds, in their order. */
function conditionsOf({ from, to }: KeyRange): string[] {
  const kind = (operator: string, of: EventKey) => `a.event_kind operator(pg_catalog.${operator}) ${text(of[0])}`;
  const key = (operator: string, of: EventKey) => `a.event_pk operator(pg_catalog.${operator}) ${text(of[1])}`;
  const parts: string[][] = [];
  if (from !== null && to !== null && from[0] === to[0]) parts.push([kind("=", from), key(">=", from), key("<", to)]);
  else {
    if (from !== null) parts.push([kind("=", from), key(">=", from)]);
    parts.push([...(from === null ? [] : [kind(">", from)]), ...(to === null ? [] : [kind("<", to)])]);
    if (to !== null) parts.push([kind("=", to), key("<", to)]);
  }
  return parts.map((conditions) => (conditions.length === 0 ? "" : ` where ${conditions.join(" and ")}`));
}

const text = (value: string): string => `'${value.replaceAll("'", "''")}'::pg_catalog.text`;
