import type { Seq } from "@scidex/audit-core";
import { eachTuple } from "../database/copy/cursor.ts";
import { joinCopies } from "../database/copy/join-copies.ts";
import type { Chunks } from "../database/copy/open-copy.ts";
import type { Lane } from "../database/lane.ts";
import type { Blocks, Relation } from "../database/relation.ts";
import { CHAIN_COLUMNS } from "./chain-row.ts";

const NAMES = CHAIN_COLUMNS.map(([name]) => name);
/** Where the search for the end of the table begins. */
const FIRST_STEP = 1024;
/** Blocks that are looked at where one has no rows, doubled until there are some. */
const FIRST_WINDOW = 16;
/** Further on a table cannot be. */
const MAX_BLOCKS = 2 ** 32 - 2;

/**
 * The block of the first link from `seq` on, where links stand in the order of seq; null where there is none. Found by
 * halving, in blocks of the table itself: an index may lie. Of a table in another order it may be any block.
 *
 * @param lane with `BLOCK_SETTINGS`
 */
export async function blockOfSeq(lane: Lane, chain: Relation, seq: Seq): Promise<number | null> {
  let low = 0;
  let high = FIRST_STEP;
  while (high < MAX_BLOCKS && !(await isAt(lane, chain, seq, [high, null], FIRST_WINDOW))) {
    low = high;
    high = Math.min(2 * high, MAX_BLOCKS);
  }
  // All blocks before `low` end before `seq`; from `high` on, none does, or none has rows.
  const end = high;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await isAt(lane, chain, seq, [middle, end], 1)) high = middle;
    else low = middle + 1;
  }
  const seqs = low >= MAX_BLOCKS ? [] : await seqsIn(lane, chain, [low, low + 1]);
  return seqs.some((one) => one !== null && one >= seq) ? low : null;
}

/** Whether the first of these blocks that has rows has one from `seq` on; true where none has any. */
async function isAt(lane: Lane, chain: Relation, seq: Seq, [from, end]: Blocks, window: number): Promise<boolean> {
  for (let at = from, width = window; at < (end ?? at + 1); at += width, width *= 2) {
    const seqs = await seqsIn(lane, chain, [at, Math.min(at + width, end ?? MAX_BLOCKS)]);
    if (seqs.length > 0) return seqs.some((one) => one === null || one >= seq);
    if (end === null) return true;
  }
  return true;
}

/** The seqs that stand in some blocks; null for one that is none. */
async function seqsIn(lane: Lane, chain: Relation, blocks: Blocks): Promise<(Seq | null)[]> {
  const seqs: (Seq | null)[] = [];
  await eachTuple(await lane.scan(chain, ["seq"], "binary", { blocks }), 1, ([seq]) => {
    seqs.push(seq?.length === 8 ? seq.readBigInt64BE(0) : null);
  });
  return seqs;
}

/** Links that stand in a part of the table. */
export interface LinksInBlocks {
  readonly from: Seq;
  /** Undefined for the end. */
  readonly to: Seq | undefined;
  /** The block in which they begin, and the one in which those that follow do; null for the table's ends. */
  readonly first: number | null;
  readonly last: number | null;
}

/**
 * The links of a range, as the bytes of a binary COPY, out of the blocks where they stand and from no others. Whatever else
 * stands between its ends comes as well, so that whoever reads it in order notices. The block of an end has links of the
 * neighbour, too; null where anything else stands there.
 *
 * So every row of the table falls to somebody if each range begins in the block in which the one before ends.
 *
 * @param lane with `BLOCK_SETTINGS`
 */
export async function linksInBlocks(lane: Lane, chain: Relation, links: LinksInBlocks): Promise<Chunks | null> {
  const { from, to, first, last } = links;
  const isOurs = (seq: Seq): boolean => seq >= from && (to === undefined || seq <= to);
  for (const block of new Set([first, last])) {
    if (block === null) continue;
    const strange = (await seqsIn(lane, chain, [block, block + 1])).some((seq) => {
      if (seq === null) return true;
      if (isOurs(seq)) return false;
      return !((block === first && seq < from) || (block === last && to !== undefined && seq > to));
    });
    if (strange) return null;
  }
  const inside: Blocks = [first === null ? 0 : first + 1, last];
  const isFiltered = { from: first === null ? undefined : from, to: last === null ? undefined : to };
  const parts = [
    ...(first === null ? [] : [{ blocks: [first, first + 1] as const, ...isFiltered }]),
    ...(inside[1] !== null && inside[1] <= inside[0] ? [] : [{ blocks: inside }]),
    ...(last === null || last === first ? [] : [{ blocks: [last, last + 1] as const, ...isFiltered }]),
  ];
  return joinCopies(parts.map((rows) => async () => await lane.scan(chain, NAMES, "binary", rows)));
}
