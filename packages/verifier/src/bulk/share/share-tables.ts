import { splitKind } from "@scidex/audit-core";
import type { IsOurs, Lane, Relation, Shard, Snapshot } from "@scidex/audit-reader";
import { isDropped, type KindHistory } from "../../coverage/config.ts";
import { epochStarts } from "../../coverage/key-epochs.ts";
import { newestShapeChange } from "../../coverage/generations.ts";
import type { Histories } from "../../coverage/read-histories.ts";
import type { VouchedTables } from "../../rows/check-tables.ts";
import type { Crew } from "../crew.ts";
import { isFound } from "../recorded-sum.ts";
import { sideBySide } from "../side-by-side.ts";
import { addUpRefused, type RowSums, sumPending } from "../vouch-tables.ts";
import { minus, NO_SUM, type Sum } from "./sums.ts";
import { withWaiting } from "./newer.ts";
import { addUpStripes, isDivided } from "./stripes.ts";
import type { VouchedShare } from "./vouch-share.ts";

/** The rows of a table as if they were events, without those that are newer than the head; null for one that was dropped. */
export interface TableSum {
  readonly kind: string;
  readonly rows: Sum | null;
  /** Whether that is a part of them, in the shard's own stripes of the table. */
  readonly isDivided: boolean;
}

/** What a shard says of its tables: sums of some, and the rest is to be compared in order. */
export interface SharedTables extends VouchedTables {
  readonly tables: readonly TableSum[];
}

/** Whether a table may be added up: its rows never change, and are not recorded anew, erased or removed by their age. All shards see it alike. */
export function isAddedUp(history: KindHistory, isExcepted: (history: KindHistory) => boolean): boolean {
  const { kind, configs } = history;
  const isPlain = configs.every(({ changes, mode }) => changes === "refuse" && mode !== "stream");
  const isKept = newestShapeChange(history) === undefined && epochStarts(history).length === 0;
  return isPlain && isKept && splitKind(kind).role === null && !isExcepted(history);
}

/** Options of `shareTables`. */
export interface ShareTablesOptions {
  readonly share: VouchedShare;
  readonly histories: Histories;
  readonly isOurs: IsOurs;
  readonly shard: Shard;
  readonly isAddedUp: (history: KindHistory) => boolean;
  /** Null where tables are not compared at all. */
  readonly sources: { readonly pending: Relation; readonly rows: RowSums } | null;
}

/**
 * The rows of the shard's tables that were added up, less what the chain has newer than the head up to which all shards go
 * alike, and what is not linked yet: both as its own snapshot has them. What is left must be what all shards have of such
 * events together.
 *
 * @returns null where what waits to be linked cannot be added up
 */
export async function shareTables(
  snapshot: Snapshot,
  crew: Crew,
  { share, histories, isOurs, shard, isAddedUp, sources }: ShareTablesOptions,
): Promise<SharedTables | null> {
  const links = new Map(share.sums.flatMap(({ kind, count }) => (isFound(kind) ? [] : [[kind, count]])));
  const unclear = new Set([...links.keys(), ...share.newer.sums.keys()].flatMap((kind) => changedBy(kind)));
  const elsewhere = [...histories.values()].filter(({ kind }) => !isOurs(Buffer.from(kind))).filter(isAddedUp);
  const matched = new Map<string, number | null>(elsewhere.map(({ kind }) => [kind, null]));
  if (sources === null)
    return { links, matched: new Map([...histories.keys()].map((kind) => [kind, null])), tables: [] };
  const pending = await snapshot[0].attempt(
    async (lane) => await sumPending(lane, sources.pending, share.tagKey, unclear),
  );
  if (pending === null) return null;
  const waiting = new Map(pending.map(({ kind, ...sum }) => [kind, sum]));
  const { rows } = sources;
  const adding = { catalog: await snapshot[0].catalog(), crew, tagKey: share.tagKey, rows };
  const clear = [...histories.values()].filter((history) => isAddedUp(history) && !unclear.has(history.kind));
  const { catalog } = adding;
  const divided = clear.filter((history) => isDivided(catalog, history));
  const ours = clear.filter((history) => isOurs(Buffer.from(history.kind)) && !isDivided(catalog, history));
  await addUpRefused(snapshot, adding);
  const tables: TableSum[] = [];
  if (divided.length > 0) {
    const newer = await snapshot[0].attempt(
      async (lane) => await withWaiting(lane, share.newer.hashes, sources.pending),
    );
    const jobs = divided.map(
      (table) => async (lane: Lane) => await addUpStripes(lane, table, adding, { shard, newer }),
    );
    for (const result of await sideBySide(snapshot.slice(0, crew.jobs), jobs))
      if (result.status === "rejected") throw result.reason;
  }
  for (const { kind } of divided) {
    const sum = rows.sums.get(kind);
    if (sum === undefined) continue;
    tables.push({ kind, rows: sum, isDivided: true });
    matched.set(kind, null);
  }
  for (const { kind, current } of ours) {
    const sum = rows.sums.get(kind);
    if (sum === undefined && !isDropped(current)) continue;
    const newer = [share.newer.sums.get(kind), waiting.get(kind)];
    const left = sum === undefined ? null : newer.reduce<Sum>((a, b) => minus(a, b ?? NO_SUM), sum);
    tables.push({ kind, rows: left, isDivided: false });
    matched.set(kind, sum === undefined ? null : Number(sum.count));
  }
  return { links, matched, tables };
}

/** The table of whose rows an event is a change. */
const changedBy = (kind: string): string[] => {
  const { kind: table, role } = splitKind(kind);
  return role === null ? [] : [table];
};
