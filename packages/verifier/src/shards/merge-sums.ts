import { canonicalJson, splitKind } from "@scidex/audit-core";
import { kindsOfShard } from "@scidex/audit-reader";
import { isSame, NO_SUM, plus, type Sum, sumOf } from "../bulk/share/sums.ts";
import type { ShardSums, SumText } from "../report/shard-sums.ts";

/** What a shard of a verification has added up. */
export interface ShardPart {
  readonly number: number;
  /** Null where it has compared all its tables, and the events of its kinds, in order. */
  readonly sums: ShardSums | null;
}

/** A shard of which something is left open, which it can tell by comparing its tables in order; and what. */
export interface OpenShard {
  readonly number: number;
  readonly reason: string;
}

/**
 * Compares the sums of all shards of a verification. Each has vouched for its own links, and for its part of the keys in the
 * chain's index that none is there twice. If the keys of all links add up to those of all parts, no event is there twice; if
 * the rows of a table add up to its events, they are the same. All that nobody but the verifiers can make come out in
 * another way: tags are keyed (tag-key.ts).
 *
 * Where something does not add up, nothing is said of what it is: the shard that has the table finds it.
 */
export function openShards(parts: readonly ShardPart[]): OpenShard[] {
  const open = parts.filter(({ sums }) => sums !== null && !sums.isInOrder).map(({ number }) => number);
  const all = (reason: string): OpenShard[] => open.map((number) => ({ number, reason }));
  const known = parts.flatMap(({ sums }) => sums ?? []);
  const alone = parts.find(({ sums }) => sums === null)?.number;
  if (alone !== undefined) return all(`shard ${alone} has nothing to add up`);
  if (!isSame(total(known.map(({ keys }) => keys)), total(known.map(({ index }) => index))))
    return all("an event is there twice, or the chain's index does not have the events of its links");
  const links = new Map<string, Sum>();
  for (const { kind, ...sum } of known.flatMap((one) => one.links))
    links.set(kind, plus(links.get(kind) ?? NO_SUM, sumOf(sum)));
  const changed = new Set([...links].flatMap(([kind, { count }]) => (count > 0n ? tableOf(kind) : [])));
  const divided = Map.groupBy(
    known.flatMap(({ tables }) => tables.filter(({ isDivided }) => isDivided)),
    ({ kind }) => kind,
  );
  return parts.flatMap(({ number, sums }) => {
    const isOurs = kindsOfShard({ number, of: parts.length });
    // A table that its own shard does not name has been compared in order there.
    const wrong = (sums?.tables ?? []).find(({ kind, rows, isDivided }) => {
      if (!isOurs(Buffer.from(kind))) return false;
      if (changed.has(kind)) return true;
      const all = isDivided ? (divided.get(kind) ?? []).map((part) => part.rows) : [rows];
      if (isDivided && all.length !== parts.length) return true;
      const sum = total(all.flatMap((part) => part ?? []));
      return rows !== null && !isSame(sum, links.get(kind) ?? NO_SUM);
    });
    return wrong === undefined ? [] : [{ number, reason: `the rows of ${wrong.kind} do not add up to its events` }];
  });
}

/**
 * Whether a shard begins where the one before ends in what both have read of the chain's table and of its index: else there could
 * be rows that nobody has read. Links that have come since are another matter.
 *
 * @param rows of the second one
 */
export function isNextOf(a: ShardSums | null, b: ShardSums | null, rows: number): boolean {
  if (a === null || b === null) return true;
  const isNext = a.blocks.last === null || a.blocks.last === b.blocks.first || (b.blocks.first === null && rows === 0);
  return isNext && canonicalJson(a.index.to) === canonicalJson(b.index.from);
}

const total = (sums: readonly SumText[]): Sum => sums.map(sumOf).reduce(plus, NO_SUM);

/** The table of whose rows an event is a change. */
const tableOf = (kind: string): string[] => {
  const { kind: table, role } = splitKind(kind);
  return role === null ? [] : [table];
};
