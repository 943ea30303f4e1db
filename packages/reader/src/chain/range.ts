import type { Seq } from "@scidex/audit-core";
import { VerifierError } from "../finding/errors.ts";
import type { PublishedHead } from "../head-log/published-head.ts";

/** Shard `number` of `of`, counted from 1. */
export interface Shard {
  readonly number: number;
  readonly of: number;
}

/** What a caller asked for. */
export interface RangeRequest {
  readonly startSeq?: Seq | undefined;
  readonly endSeq?: Seq | undefined;
  readonly shard?: Shard | undefined;
  /** With a shard: the published head up to which shards are cut. The last one goes on from there. */
  readonly cutSeq?: Seq | undefined;
}

/** The part of the chain that a run verifies. */
export interface Range {
  readonly from: Seq;
  /** The last seq; undefined for the end of the chain, wherever it is. */
  readonly to: Seq | undefined;
  /** The head whose tree ends just before `from`. */
  readonly after: PublishedHead | undefined;
  /** Whether it is, or is a shard of, the whole chain: then rows that no event belongs to and what is pending are judged too. */
  readonly ofWhole: boolean;
}

/** @throws {VerifierError} `range_invalid` */
export function checkRange({ startSeq = 1n, endSeq, shard }: RangeRequest): void {
  if (startSeq < 1n || (endSeq !== undefined && endSeq < startSeq))
    throw new VerifierError(
      "range_invalid",
      `There is no range from ${startSeq} to ${endSeq ?? "the end"}: seqs start at 1.`,
    );
  if (shard === undefined) return;
  const { number, of } = shard;
  if (!Number.isInteger(number) || !Number.isInteger(of) || number < 1 || of < number || of > 1_000_000)
    throw new VerifierError("range_invalid", `There is no shard ${number}/${of}: expected K/N with K from 1 to N.`);
}

/**
 * Works out the links to verify. Both ends are moved outwards to published heads, where there are any: only at a head can
 * a range prove that its links are those that were published.
 *
 * Shards of one range lie side by side: each begins where the one before ends. So that all of them agree on where that
 * is, they must be given the same sinks; where heads may be published meanwhile, give them the same `cutSeq` or `endSeq` too.
 *
 * @param heads in the order of their seq
 * @param length of the chain, for shards where there are no heads
 */
export function resolveRange(request: RangeRequest, heads: readonly PublishedHead[], length: bigint): Range {
  checkRange(request);
  const { startSeq = 1n, endSeq, shard } = request;
  const ofWhole = startSeq === 1n && endSeq === undefined;
  const from = atHeadBefore(heads, startSeq);
  const to = endSeq === undefined ? undefined : atHeadFrom(heads, endSeq);
  if (shard === undefined) return { from, to, after: headAt(heads, from), ofWhole };

  const last = to ?? lastCut(request, heads)?.seq ?? request.cutSeq ?? length;
  const cut = (k: number): bigint => {
    const ideal = from - 1n + ((last - from + 1n) * BigInt(k)) / BigInt(shard.of);
    return ideal < from ? from - 1n : atHeadFrom(heads, ideal);
  };
  const start = shard.number === 1 ? from : cut(shard.number - 1) + 1n;
  return { from: start, to: shard.number === shard.of ? to : cut(shard.number), after: headAt(heads, start), ofWhole };
}

/** The published head up to which a range is cut into shards; undefined where none is known. */
export function lastCut<H extends { readonly seq: Seq }>(
  { endSeq, cutSeq = endSeq }: RangeRequest,
  heads: readonly H[],
): H | undefined {
  return cutSeq === undefined ? heads.at(-1) : heads.find(({ seq }) => seq >= cutSeq);
}

/** The seq after the last head that ends before `seq`. */
function atHeadBefore(heads: readonly PublishedHead[], seq: bigint): bigint {
  if (heads.length === 0) return seq;
  return (heads.findLast((head) => head.seq < seq)?.seq ?? 0n) + 1n;
}

/** The first head that ends at `seq` or after it. */
function atHeadFrom(heads: readonly PublishedHead[], seq: bigint): bigint {
  return heads.find((head) => head.seq >= seq)?.seq ?? seq;
}

const headAt = (heads: readonly PublishedHead[], from: bigint): PublishedHead | undefined =>
  heads.findLast((head) => head.seq === from - 1n);
