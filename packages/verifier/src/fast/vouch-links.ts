import { sameBytes } from "@scidex/audit-core";
import type { ChainResult } from "../check-chain.ts";
import type { PublishedHeads } from "../heads.ts";
import type { PublishedHead } from "../published-head.ts";
import { looksSorted, readLength, streamLinks } from "../read-chain.ts";
import { isRefused } from "../refused.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Crew } from "./crew.ts";
import type { KindSum } from "./kernel.ts";
import type { LinksTask, TakeTags, VouchedLinks } from "./link-voucher.ts";
import { Recount, Repeats } from "./repeats.ts";

/** A whole chain in which nothing is wrong: its links, heads and times, and no event is there twice. */
export interface VouchedChain {
  readonly chain: ChainResult;
  /** What to compare tables with. */
  readonly sums: readonly KindSum[];
  readonly tagKey: Uint8Array;
}

/** Options of `vouchForLinks`. */
export interface VouchLinksOptions {
  /** Null where heads are not checked. */
  readonly published: PublishedHeads | null;
  /** The time now, in microseconds since the Unix epoch. */
  readonly now: bigint;
  /** Whether anybody asks for links or heads: else rows are only added up. */
  readonly hashes: boolean;
  /** About how many rows there are, and on how many pages. */
  readonly expected: { readonly rows: number; readonly pages: number };
  readonly tagKey: Uint8Array;
  readonly onProgress: ((rows: number) => void) | undefined;
}

/**
 * Reads the whole chain, in as many parts side by side as the crew has jobs. What comes out is all or nothing: a chain
 * that somebody can vouch for has no finding. Where anything is otherwise, the plain walk (`checkChain`) says what.
 */
export async function vouchForLinks(
  snapshot: Snapshot,
  crew: Crew,
  options: VouchLinksOptions,
): Promise<VouchedChain | null> {
  const tasks = await split(snapshot, crew, options);
  const looksOrdered = await snapshot[0].attempt(async (lane) => await looksSorted(lane, options.expected.pages));
  for (const isSorted of looksOrdered ? [false, true] : [true]) {
    const repeats = new Repeats(options.expected.rows);
    let rows = 0;
    const counted = (take: TakeTags) => (tags: Uint8Array) => {
      take(tags);
      rows += tags.length / 8;
      options.onProgress?.(rows);
    };
    const links = await readAll(snapshot, crew, { tasks, isSorted }, counted(repeats.add));
    if (links === null) continue;
    const again = { tasks: tasks.map((task) => ({ ...task, heads: null, hashes: false })), isSorted };
    for (let reading = 1; reading < repeats.readings && repeats.suspects !== null; reading++) {
      repeats.begin(reading);
      if ((await readAll(snapshot, crew, again, counted(repeats.add))) === null) return null;
    }
    const { suspects } = repeats;
    if (suspects === null) return null;
    if (suspects.size > 0) {
      const recount = new Recount(suspects);
      const isRead = (await readAll(snapshot, crew, again, counted(recount.add))) !== null;
      if (!isRead || !recount.areSingle) return null;
    }
    return { ...links, tagKey: options.tagKey };
  }
  return null;
}

/** Cuts the chain at published heads, whose trees are known; where there are none, anywhere. */
async function split(snapshot: Snapshot, crew: Crew, options: VouchLinksOptions): Promise<LinksTask[]> {
  const { published, now, hashes, tagKey } = options;
  const heads = published?.heads ?? [];
  const parts = Math.min(crew.jobs, snapshot.length);
  const length = parts === 1 ? 0n : (heads.at(-1)?.seq ?? (await readLength(snapshot[0])));
  const cuts: { seq: bigint; head: PublishedHead | undefined }[] = [];
  for (let i = 1; i < parts; i++) {
    const ideal = (length * BigInt(i)) / BigInt(parts);
    const head = heads.find(({ seq }) => seq >= ideal);
    const seq = heads.length === 0 ? ideal : head?.seq;
    if (seq !== undefined && seq > (cuts.at(-1)?.seq ?? 0n) && seq < length) cuts.push({ seq, head });
  }
  const lastSigned = published?.lastSigned ?? new Map<bigint, bigint>();
  return [...cuts, null].map((cut, i) => {
    const before = cuts[i - 1];
    const from = (before?.seq ?? 0n) + 1n;
    const to = cut?.seq;
    const within = heads.filter(({ seq }) => seq >= from && (to === undefined || seq <= to));
    return { from, to, heads: published && within, lastSigned, after: before?.head, now, hashes, tagKey };
  });
}

async function readAll(
  snapshot: Snapshot,
  crew: Crew,
  { tasks, isSorted }: { readonly tasks: readonly LinksTask[]; readonly isSorted: boolean },
  tags: TakeTags,
): Promise<{ chain: ChainResult; sums: KindSum[] } | null> {
  // All of them come to an end before anything is said: a connection in the middle of a COPY is of no use.
  const parts = await Promise.allSettled(
    tasks.map(async (task, i) => {
      const lane = snapshot[i] ?? snapshot[0];
      return await lane.attempt(async (inner) => {
        const stream = await streamLinks(inner, task.from === 1n ? null : task.from, task.to, isSorted);
        return await crew.run({ what: "links", ...task }, stream, tags);
      });
    }),
  );
  const links: VouchedLinks[] = [];
  let isWhole = true;
  for (const part of parts) {
    if (part.status === "rejected" && !isRefused(part.reason)) throw part.reason;
    if (part.status === "rejected" || part.value === null) isWhole = false;
    else links.push(part.value);
  }
  return isWhole ? join(links) : null;
}

/** Puts the parts together, each of which must begin where the one before ends. */
function join(parts: readonly VouchedLinks[]): { chain: ChainResult; sums: KindSum[] } | null {
  let last: VouchedLinks["last"] = null;
  let rows = 0;
  let anchoredTo = 0n;
  const sums = new Map<string, KindSum>();
  for (const part of parts) {
    if (last !== null && part.prevHash !== null && !sameBytes(last.chainHash, part.prevHash)) return null;
    last = part.last ?? last;
    rows += part.rows;
    if (part.anchoredTo > anchoredTo) ({ anchoredTo } = part);
    for (const sum of part.sums) sums.set(sum.kind, addSums(sums.get(sum.kind), sum));
  }
  return { chain: { to: last?.seq ?? 0n, rows, last, anchoredTo }, sums: [...sums.values()] };
}

/** Of one kind. Halves are added modulo 2^64, as the kernel does. */
export function addSums(a: KindSum | undefined, b: KindSum): KindSum {
  if (a === undefined) return b;
  return {
    kind: b.kind,
    count: a.count + b.count,
    sum0: BigInt.asUintN(64, a.sum0 + b.sum0),
    sum1: BigInt.asUintN(64, a.sum1 + b.sum1),
  };
}
