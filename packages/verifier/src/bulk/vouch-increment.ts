import type { LinkRange, Micros, Seq } from "@scidex/audit-core";
import type { Chunks, PublishedHead } from "@scidex/audit-reader";
import { TAG_KEY_BYTES } from "./kernel.ts";
import { type ChainEnd, LinkVoucher } from "./link-voucher.ts";

/** What links that a chain has gained are held against. */
export interface IncrementGround {
  readonly start: ChainEnd;
  /** The last of them. */
  readonly to: Seq;
  /** The newest head before them; undefined where none has been published. */
  readonly after: PublishedHead | undefined;
  readonly now: Micros;
  /** Links whose times are known to be false. */
  readonly misdated: readonly LinkRange[];
}

/**
 * Vouches for links that a chain has gained since something was published: the publisher's fast way. Says where they end
 * if nothing is wrong with any of them, or nothing at all: then `LinkChecker`, `TimeChecker` and `FrontierBuilder` walk along
 * them.
 *
 * @param copy a binary COPY of `CHAIN_COLUMNS`, in the order of seq; it is read to its end
 */
export async function vouchForIncrement(
  copy: Chunks,
  { start, to, after, now, misdated }: IncrementGround,
): Promise<ChainEnd | null> {
  const voucher = new LinkVoucher(
    {
      from: start.seq + 1n,
      to,
      heads: [],
      cuts: [],
      lastSigned: new Map(),
      misdated,
      after,
      start,
      now,
      hashes: true,
      // Nobody compares sums here.
      tagKey: new Uint8Array(TAG_KEY_BYTES),
    },
    () => {},
  );
  let isGood = true;
  for (let next = await copy.next(); next.done !== true; next = await copy.next())
    if (isGood) isGood = voucher.push(next.value);
  const vouched = voucher.finish();
  if (vouched === null || vouched.last === null || vouched.frontier === null) return null;
  return { seq: vouched.last.seq, chainHash: vouched.last.chainHash, frontier: vouched.frontier };
}
