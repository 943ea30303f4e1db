import { GENESIS_PREV_HASH, type Micros } from "@scidex/audit-core";
import {
  BLOCK_SETTINGS,
  blockOfSeq,
  type ChainResult,
  isRefused,
  type Lane,
  linksInBlocks,
  type PublishedHead,
  type PublishedHeads,
  type Range,
  type Relation,
  type Shard,
  type Snapshot,
  Sorter,
  sortLinks,
  type Survey,
} from "@scidex/audit-reader";
import type { Crew } from "../crew.ts";
import type { KindSum } from "../kernel.ts";
import type { LinksTask, VouchedLinks } from "../link-voucher.ts";
import { isFound } from "../recorded-sum.ts";
import { type Job, sideBySide } from "../side-by-side.ts";
import { type KeyRange, keyRangeOf, sumKeys } from "./key-ranges.ts";
import { type Newer, readNewer } from "./newer.ts";
import { minus, NO_SUM, type Sum, withoutNewer } from "./sums.ts";

/** What a shard adds to the sums of all of them, once nothing is wrong with its links. */
export interface VouchedShare {
  readonly chain: ChainResult;
  /** Of its links, by kind: also of those behind the head up to which all shards go alike. */
  readonly sums: readonly KindSum[];
  /** The same without these. */
  readonly links: readonly KindSum[];
  readonly keys: Sum;
  /** In which blocks of the table its links begin, and those of the next shard; null for the table's ends. */
  readonly blocks: { readonly first: number | null; readonly last: number | null };
  readonly index: KeyRange & { readonly sum: Sum };
  readonly newer: Newer;
  /** Whether its links stand in the table in the order of seq. */
  readonly isSorted: boolean;
  readonly tagKey: Uint8Array;
}

/** Options of `vouchForShare`. */
export interface VouchShareOptions {
  readonly chain: Relation;
  readonly survey: (lane: Lane) => Promise<Survey>;
  readonly published: PublishedHeads;
  readonly shard: Shard;
  readonly range: Range;
  /** The published head up to which all shards go alike. */
  readonly end: PublishedHead;
  readonly now: Micros;
  /** The chain's unique index over kind and key. */
  readonly index: string;
  readonly tagKey: Uint8Array;
  readonly onProgress: ((rows: number) => void) | undefined;
  /** What else is to be read, by the lanes that have nothing to do yet. */
  readonly beside: readonly Job<void>[];
}

/** Where what a shard reads lies. */
interface Places extends Pick<VouchedShare, "blocks" | "newer"> {
  /** Whether the shard has no links at all. */
  readonly isEmpty: boolean;
  readonly keys: KeyRange;
}

/**
 * The fast way through a shard: reads its links out of the blocks where they stand, and its part of the keys of all events. What
 * comes out is all or nothing. That no event is there twice, and that tables have the rows that were recorded, is said by the
 * sums of all shards together.
 *
 * @returns null where nobody can vouch for it
 */
export async function vouchForShare(
  snapshot: Snapshot,
  crew: Crew,
  options: VouchShareOptions,
): Promise<VouchedShare | null> {
  const places = await snapshot[0].attempt(async (lane) => await findPlaces(lane, options));
  if (places === null) return null;
  const { index, tagKey, chain } = options;
  let links: VouchedLinks | null = null;
  let keys: Sum | null = null;
  const jobs: Job<void>[] = [
    async (lane) => {
      links = await lane.attempt(async (inner) => await readShare(inner, crew, options, places));
    },
    async (lane) => {
      const given = { index, range: places.keys, newer: places.newer.keys, tagKey };
      keys = await lane.attempt(async (inner) => await sumKeys(inner, crew, chain, given));
    },
  ];
  for (const result of await sideBySide(snapshot.slice(0, crew.jobs), [...options.beside, ...jobs]))
    if (result.status === "rejected" && !isRefused(result.reason)) throw result.reason;
  const isSorted = links !== null;
  links ??= await snapshot[0].attempt(async (lane) => await readSorted(lane, crew, options));
  return links === null || keys === null ? null : shareOf(options, places, { links, keys, isSorted });
}

async function findPlaces(lane: Lane, { chain, shard, range, end, tagKey }: VouchShareOptions): Promise<Places | null> {
  await lane.plan(BLOCK_SETTINGS);
  const { from, to } = range;
  const at = await blockOfSeq(lane, chain, end.seq);
  if (at === null) return null;
  const first = from === 1n ? null : await blockOfSeq(lane, chain, from);
  const last = to === undefined ? null : await blockOfSeq(lane, chain, to + 1n);
  const block = await blockOfSeq(lane, chain, end.seq + 1n);
  const newer = await readNewer(lane, chain, { from: end.seq + 1n, block, tagKey });
  if (newer === null) return null;
  const keys = await keyRangeOf(lane, chain, shard, { seq: end.seq, block: at });
  const isEmpty = (to !== undefined && to < from) || (to === undefined && from > 1n && first === null);
  return { blocks: { first, last }, newer, keys, isEmpty };
}

const NOTHING: VouchedLinks = {
  rows: 0,
  last: null,
  prevHash: null,
  anchoredTo: 0n,
  sums: [],
  keys: NO_SUM,
  cuts: [],
  frontier: null,
};

async function readShare(
  lane: Lane,
  crew: Crew,
  options: VouchShareOptions,
  { blocks, isEmpty }: Places,
): Promise<VouchedLinks | null> {
  const task = taskOf(options);
  if (isEmpty) return { ...NOTHING, anchoredTo: task.after?.seq ?? 0n };
  await lane.plan(BLOCK_SETTINGS);
  const rows = await linksInBlocks(lane, options.chain, { from: task.from, to: task.to, ...blocks });
  return rows === null ? null : await crew.run({ what: "links", ...task }, rows, progressOf(options));
}

/**
 * The links out of the whole table, put into the order of seq: a table that is not in that order cannot be read by blocks. Null
 * where that is not why, or where links are missing or there twice.
 */
async function readSorted(lane: Lane, crew: Crew, options: VouchShareOptions): Promise<VouchedLinks | null> {
  const { isSorted, rows, length } = await options.survey(lane);
  if (isSorted || rows !== length) return null;
  const task = taskOf(options);
  const sorter = new Sorter();
  try {
    const range = { from: task.from === 1n ? null : task.from, to: task.to };
    const links = await sortLinks(lane, options.chain, range, sorter);
    return await crew.run({ what: "links", ...task }, links, progressOf(options));
  } finally {
    sorter.close();
  }
}

function progressOf({ onProgress }: VouchShareOptions): (tags: Uint8Array) => void {
  let rows = 0;
  return (tags) => {
    rows += tags.length / 8;
    onProgress?.(rows);
  };
}

/** A shard begins behind a published head, unless it is the first. */
function taskOf({ range, published, now, tagKey }: VouchShareOptions): LinksTask {
  const { from, to, after } = range;
  const heads = published.heads.filter(({ seq }) => seq >= from && (to === undefined || seq <= to));
  const { lastSigned, misdated } = published;
  return { from, to, heads, cuts: [], lastSigned, misdated, after, now, hashes: true, tagKey };
}

function shareOf(
  { range, tagKey }: VouchShareOptions,
  { blocks, newer, keys }: Places,
  read: { readonly links: VouchedLinks; readonly keys: Sum; readonly isSorted: boolean },
): VouchedShare {
  const { rows, last, anchoredTo, sums } = read.links;
  const startsAfter = range.after?.chainHash ?? GENESIS_PREV_HASH;
  // What is newer is only the last one's to vouch for.
  const isLast = range.to === undefined;
  return {
    chain: { to: last?.seq ?? range.from - 1n, rows, last, anchoredTo, startsAfter },
    isSorted: read.isSorted,
    sums,
    links: withoutNewer(sums, isLast ? newer.sums : new Map()).filter(({ kind }) => !isFound(kind)),
    keys: isLast ? minus(read.links.keys, newer.keySum) : read.links.keys,
    blocks,
    index: { ...keys, sum: read.keys },
    newer,
    tagKey,
  };
}
