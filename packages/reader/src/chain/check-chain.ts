import { emptyFrontier, type Micros, sameBytes, type Seq, toHex } from "@scidex/audit-core";
import type { ChainRow } from "./chain-row.ts";
import type { Cursor } from "../database/copy/cursor.ts";
import type { ReportFinding } from "../finding/finding.ts";
import { AFTER_A_RESTORE } from "./head-checker.ts";
import { HeadChecker } from "./head-checker.ts";
import type { PublishedHeads } from "../head-log/read-published-heads.ts";
import { CHAIN_START, LinkChecker } from "./link-checker.ts";
import { frontierOf, type PublishedHead } from "../head-log/published-head.ts";
import type { Range } from "./range.ts";
import { readLinks } from "./read-chain.ts";
import type { Survey } from "./read-chain.ts";
import type { Relation } from "../database/relation.ts";
import type { Lane } from "../database/lane.ts";
import { Sorter } from "../database/copy/sorter.ts";
import { TimeChecker } from "./time-checker.ts";

/** What a walk along the chain found beside findings. */
export interface ChainResult {
  /** The last seq seen; `range.from - 1` where there was none. */
  readonly to: Seq;
  readonly rows: number;
  readonly last: ChainRow | null;
  /** The highest seq whose published head fits. */
  readonly anchoredTo: Seq;
  /** The chain hash that the first link had to follow: as published, else as the link before has it; null where that is missing. */
  readonly startsAfter: Uint8Array | null;
}

/** Options of `checkChain`. */
export interface CheckChainOptions {
  readonly chain: Relation;
  readonly survey: Survey;
  readonly range: Range;
  /** Null where heads are not checked. */
  readonly published: PublishedHeads | null;
  /** The time now; null where it is not known, and times are not judged. */
  readonly now: Micros | null;
  readonly report: ReportFinding;
  readonly onProgress: ((rows: number) => void) | undefined;
}

/** Walks along the links of a range, once: their hashes, the published heads, the times. */
export async function checkChain(lane: Lane, options: CheckChainOptions): Promise<ChainResult> {
  const { from, to } = options.range;
  const sorter = new Sorter();
  try {
    // The link before the first one is read too: its chain hash is where the range starts.
    const links = { from: from > 1n ? from - 1n : null, to };
    return await walk(await readLinks(lane, options.chain, links, options.survey, sorter), options);
  } finally {
    sorter.close();
  }
}

async function walk(rows: Cursor<ChainRow>, options: CheckChainOptions): Promise<ChainResult> {
  const { range, published, report, survey } = options;
  const { from, to } = range;
  const hasMore = to !== undefined && survey.length > to;
  let row = await rows.next();
  if (range.after !== undefined) checkAnchor(range.after, row, survey.length, report);
  let before = from > 1n ? { seq: from - 1n, chainHash: range.after?.chainHash ?? null } : CHAIN_START;
  while (from > 1n && row !== undefined && row.seq < from) {
    before = { seq: from - 1n, chainHash: row.chainHash };
    row = await rows.next();
  }
  const startsAfter = before.chainHash;
  const links = new LinkChecker(before, report);
  const heads = (published?.heads ?? []).filter((head) => head.seq >= from && (to === undefined || head.seq <= to));
  const start = range.after === undefined ? { size: from - 1n, hashes: null } : frontierOf(range.after);
  const tree = new HeadChecker(
    heads,
    published?.names ?? new Map(),
    from === 1n ? emptyFrontier : start,
    report,
    undefined,
    published?.retired,
  );
  const times =
    published === null || options.now === null
      ? null
      : new TimeChecker(heads, published.lastSigned, options.now, range.after, report, published.misdated);
  let last: ChainRow | null = null;
  while (row !== undefined) {
    links.push(row);
    if (published !== null) tree.push(row);
    times?.push(row);
    last = row;
    if (links.rows % 65_536 === 0) options.onProgress?.(links.rows);
    if (!rows.step()) await rows.fill();
    row = rows.current;
  }
  options.onProgress?.(links.rows);
  if (hasMore) links.finishBefore(to);
  if (published !== null) tree.finish(hasMore);
  return { to: links.seq, rows: links.rows, last, anchoredTo: tree.anchoredTo, startsAfter };
}

/**
 * A range that starts after a published head starts from what was signed. Whether the chain still has that link is
 * checked here: a chain that was cut below the range has nothing in it in which anything could be found.
 */
function checkAnchor(head: PublishedHead, row: ChainRow | undefined, length: bigint, report: ReportFinding): void {
  if (row !== undefined && row.seq === head.seq) {
    if (sameBytes(row.chainHash, head.chainHash)) return;
    report({
      check: "head_mismatch",
      fromSeq: head.seq,
      toSeq: head.seq,
      expected: toHex(head.chainHash),
      actual: toHex(row.chainHash),
      message: `the link before the range is not the one that was published at ${head.publishedAt}: verify from further back`,
    });
  } else if (length < head.seq) {
    report({
      check: "truncated",
      seq: length + 1n,
      expected: `${head.seq} links`,
      actual: `${length} links`,
      message: `the links from ${length + 1n} on are missing: a head of ${head.seq} links was published at ${head.publishedAt}. ${AFTER_A_RESTORE}`,
    });
  } else {
    report({
      check: "gap",
      seq: head.seq,
      expected: String(head.seq),
      actual: "no such link",
      message: `the link ${head.seq}, just before the range, is missing`,
    });
  }
}
