import { GENESIS_PREV_HASH, type Micros, sameBytes, type Seconds, type Seq } from "@scidex/audit-core";
import {
  type ChainResult,
  isRefused,
  type Lane,
  type PublishedHeads,
  type Relation,
  type Snapshot,
  Sorter,
  sortLinks,
  streamLinks,
  type Survey,
} from "@scidex/audit-reader";
import type { Crew } from "./crew.ts";
import type { KindSum } from "./kernel.ts";
import type { LinksTask, TakeTags, VouchedLinks } from "./link-voucher.ts";
import { MAX_FILTERED, Recount, Repeats } from "./repeats.ts";
import { sumKeys } from "./share/key-ranges.ts";
import { isSame, NO_SUM, plus, type Sum } from "./share/sums.ts";
import { type Job, sideBySide } from "./side-by-side.ts";

/** A whole chain in which nothing is wrong: its links, heads and times, and no event is there twice. */
export interface VouchedChain {
  readonly chain: ChainResult;
  /** What to compare tables with. */
  readonly sums: readonly KindSum[];
  /** The same up to some links, by kind; what lies beyond the end is missing. */
  readonly cuts: ReadonlyMap<Seq, ReadonlyMap<string, KindSum>>;
  readonly tagKey: Uint8Array;
}

/** Options of `vouchForLinks`. */
export interface VouchLinksOptions {
  readonly chain: Relation;
  readonly survey: (lane: Lane) => Promise<Survey>;
  /** Null where heads are not checked. */
  readonly published: PublishedHeads | null;
  readonly now: Micros;
  /** Whether anybody asks for links or heads: else rows are only added up. */
  readonly hashes: boolean;
  /** About how many links there are: never more where there are no heads. */
  readonly expected: bigint;
  readonly tagKey: Uint8Array;
  /** Up to which links sums are wanted too, in their order. */
  readonly cuts: readonly Seq[];
  /** The chain's unique index over kind and key; null where it is not known, or not to be trusted with a key. */
  readonly keyIndex: string | null;
  readonly onProgress: ((rows: number) => void) | undefined;
  /** What else is to be read, by the lanes that have nothing to do yet. */
  readonly beside: readonly Job<void>[];
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
  const vouched = await vouch(snapshot, crew, { ...options, tasks: split(snapshot, crew, options), isSorted: false });
  if (vouched !== null) return vouched;
  // A chain that is not in the order of seq cannot be vouched for; writers who wait for one another can leave one. Nor
  // can a chain that is not whole, in whatever order.
  const { isSorted, rows, length } = await snapshot[0].attempt(options.survey);
  if (isSorted || rows !== length) return null;
  const tasks = [partOf(options, 1n, undefined)];
  return await vouch(snapshot, crew, { ...options, beside: [], tasks, isSorted: true });
}

interface Parts {
  readonly chain: Relation;
  readonly tasks: readonly LinksTask[];
  /** Whether they have to be put into the order of seq first. */
  readonly isSorted: boolean;
  readonly beside: readonly Job<void>[];
}

async function vouch(snapshot: Snapshot, crew: Crew, options: VouchLinksOptions & Parts): Promise<VouchedChain | null> {
  const { chain, tasks, isSorted, expected, tagKey } = options;
  if (expected > MAX_FILTERED) return await vouchByIndex(snapshot, crew, options);
  const repeats = new Repeats(Number(expected));
  let rows = 0;
  const counted = (take: TakeTags) => (tags: Uint8Array) => {
    take(tags);
    rows += tags.length / 8;
    options.onProgress?.(rows);
  };
  const links = await readAll(snapshot, crew, options, counted(repeats.add));
  if (links === null) return null;
  const again = {
    chain,
    tasks: tasks.map((task) => ({ ...task, heads: null, hashes: false, cuts: [] })),
    isSorted,
    beside: [],
  };
  const { suspects } = repeats;
  if (suspects === null) return null;
  if (suspects.size > 0) {
    const recount = new Recount(suspects);
    const isRead = (await readAll(snapshot, crew, again, counted(recount.add))) !== null;
    if (!isRead || !recount.areSingle) return null;
  }
  return { ...links, tagKey };
}

/**
 * A chain that is too long for a filter: that no event is there twice is told by the unique index, in whose order equal keys are
 * neighbours. It may lie, so that it must have just the keys of the links. One more reading, however long the chain is.
 */
async function vouchByIndex(
  snapshot: Snapshot,
  crew: Crew,
  options: VouchLinksOptions & Parts,
): Promise<VouchedChain | null> {
  const { chain, keyIndex: index, tagKey } = options;
  if (index === null) return null;
  let keys: Sum | null = null;
  const range = { from: null, to: null };
  const readKeys: Job<void> = async (lane) => {
    keys = await lane.attempt(async (inner) => await sumKeys(inner, crew, chain, { index, range, newer: [], tagKey }));
  };
  let rows = 0;
  const links = await readAll(snapshot, crew, { ...options, beside: [...options.beside, readKeys] }, (tags) => {
    rows += tags.length / 8;
    options.onProgress?.(rows);
  });
  return links === null || keys === null || !isSame(links.keys, keys) ? null : { ...links, tagKey };
}

/** Cuts the chain at published heads, whose trees are known; where there are none, anywhere. */
function split(snapshot: Snapshot, crew: Crew, options: VouchLinksOptions): LinksTask[] {
  const heads = options.published?.heads ?? [];
  const parts = Math.min(crew.jobs, snapshot.length);
  const length = heads.at(-1)?.seq ?? options.expected;
  const cuts: bigint[] = [];
  for (let i = 1; i < parts; i++) {
    const ideal = (length * BigInt(i)) / BigInt(parts);
    const seq = heads.length === 0 ? ideal : heads.find((head) => head.seq >= ideal)?.seq;
    if (seq !== undefined && seq > (cuts.at(-1) ?? 0n) && seq < length) cuts.push(seq);
  }
  return [...cuts, undefined].map((to, i) => partOf(options, (cuts[i - 1] ?? 0n) + 1n, to));
}

/** The links of a range that begins after a head, or anywhere where there are none. */
function partOf(options: VouchLinksOptions, from: Seq, to: Seq | undefined): LinksTask {
  const { published, now, hashes, tagKey } = options;
  const isInside = (seq: Seq): boolean => seq >= from && (to === undefined || seq <= to);
  const heads = published?.heads.filter(({ seq }) => isInside(seq)) ?? null;
  const cuts = options.cuts.filter(isInside);
  const after = published?.heads.find(({ seq }) => seq === from - 1n);
  const lastSigned = published?.lastSigned ?? new Map<Seq, Seconds>();
  const misdated = published?.misdated ?? [];
  return { from, to, heads, cuts, lastSigned, misdated, after, now, hashes, tagKey };
}

async function readAll(
  snapshot: Snapshot,
  crew: Crew,
  { chain, tasks, isSorted, beside }: Parts,
  tags: TakeTags,
): Promise<Joined | null> {
  const links: (VouchedLinks | null)[] = [];
  const parts = tasks.map((task, i): Job<void> => async (lane) => {
    links[i] = null;
    links[i] = await lane.attempt(async (inner) => await readPart(inner, crew, { chain, task, isSorted }, tags));
  });
  for (const result of await sideBySide(snapshot.slice(0, crew.jobs), [...beside, ...parts]))
    if (result.status === "rejected" && !isRefused(result.reason)) throw result.reason;
  const vouched = links.filter((part) => part !== null);
  return vouched.length === tasks.length ? joined(vouched, tasks) : null;
}

async function readPart(
  lane: Lane,
  crew: Crew,
  { chain, task, isSorted }: { readonly chain: Relation; readonly task: LinksTask; readonly isSorted: boolean },
  tags: TakeTags,
): Promise<VouchedLinks | null> {
  const range = { from: task.from === 1n ? null : task.from, to: task.to };
  if (!isSorted) return await crew.run({ what: "links", ...task }, await streamLinks(lane, chain, range), tags);
  const sorter = new Sorter();
  try {
    return await crew.run({ what: "links", ...task }, await sortLinks(lane, chain, range, sorter), tags);
  } finally {
    sorter.close();
  }
}

type Joined = Omit<VouchedChain, "tagKey"> & { readonly keys: Sum };

/** Puts the parts together, each of which must begin where the one before ends. */
function joined(parts: readonly VouchedLinks[], tasks: readonly LinksTask[]): Joined | null {
  let last: VouchedLinks["last"] = null;
  let rows = 0;
  let anchoredTo = 0n;
  let keys = NO_SUM;
  const sums = new Map<string, KindSum>();
  const cuts = new Map<Seq, ReadonlyMap<string, KindSum>>();
  for (const [i, part] of parts.entries()) {
    if (last !== null && part.prevHash !== null && !sameBytes(last.chainHash, part.prevHash)) return null;
    last = part.last ?? last;
    rows += part.rows;
    keys = plus(keys, part.keys);
    if (part.anchoredTo > anchoredTo) ({ anchoredTo } = part);
    for (const [n, seq] of (tasks[i]?.cuts ?? []).entries()) {
      const upTo = part.cuts[n];
      if (upTo !== undefined)
        cuts.set(seq, new Map([...sums, ...upTo.map((sum) => [sum.kind, addSums(sums.get(sum.kind), sum)] as const)]));
    }
    for (const sum of part.sums) sums.set(sum.kind, addSums(sums.get(sum.kind), sum));
  }
  return {
    chain: { to: last?.seq ?? 0n, rows, last, anchoredTo, startsAfter: GENESIS_PREV_HASH },
    sums: [...sums.values()],
    keys,
    cuts,
  };
}

/** Of one kind. Halves are added modulo 2^64, as the kernel does. */
export const addSums = (a: KindSum | undefined, b: KindSum): KindSum => (a === undefined ? b : combined(a, b, 1n));

/** What is left of a sum without a part of it. */
export const subtractSums = (a: KindSum, b: KindSum): KindSum => combined(a, b, -1n);

const combined = (a: KindSum, b: KindSum, sign: bigint): KindSum => ({
  kind: b.kind,
  count: a.count + sign * b.count,
  sum0: BigInt.asUintN(64, a.sum0 + sign * b.sum0),
  sum1: BigInt.asUintN(64, a.sum1 + sign * b.sum1),
});

/** Whether two sums are of the same events, or none at all. */
export function isSameSum(a: KindSum | undefined, b: KindSum | undefined): boolean {
  const { count = 0n, sum0 = 0n, sum1 = 0n } = b ?? {};
  return a === undefined ? count === 0n : a.count === count && a.sum0 === sum0 && a.sum1 === sum1;
}
