import { splitKind } from "@scidex/audit-core";
import { openTable, verdict } from "../rows/check-table.ts";
import type { VouchedTables } from "../rows/check-tables.ts";
import { isDropped, type KindHistory } from "../coverage/config.ts";
import { eachTuple, isRefused, type Lane, type Relation, type Snapshot } from "@scidex/audit-reader";
import type { Histories } from "../coverage/read-histories.ts";
import { streamSource } from "../rows/read-source.ts";
import type { Crew } from "./crew.ts";
import { Kernel, type KindSum } from "./kernel.ts";
import { type Job, sideBySide } from "./side-by-side.ts";
import { addSums, type VouchedChain } from "./vouch-links.ts";

/** Sums of the rows of tables, by kind; those that could not be added up are missing. */
export type RowSums = Map<string, KindSum>;

/** Options of `vouchForTables`. */
export interface VouchTablesOptions {
  readonly chain: VouchedChain;
  readonly histories: Histories;
  /** Null where tables are not compared at all. */
  readonly sources: { readonly pending: Relation; readonly rows: RowSums } | null;
}

/**
 * Jobs that add up the rows of tables, beside the chain: of all whose rows do not change, as it seems. Of the others only
 * the chain says whether they have changed.
 */
export function addUpTables(crew: Crew, histories: Histories, tagKey: Uint8Array, rows: RowSums): Job<void>[] {
  return jobsOf(
    [...histories.values()].filter(({ configs }) => configs.every(({ changes }) => changes === "refuse")),
    { crew, tagKey, rows },
  );
}

interface Adding {
  readonly crew: Crew;
  readonly tagKey: Uint8Array;
  readonly rows: RowSums;
}

function jobsOf(tables: readonly KindHistory[], { crew, tagKey, rows }: Adding): Job<void>[] {
  return tables
    .filter(({ current }) => current.action !== "detach")
    .map((history) => async (lane) => {
      const sum = await addUpTable(lane, crew, history, tagKey);
      if (sum !== null) rows.set(history.kind, sum);
    });
}

/**
 * Compares the sum of each table's rows, as if they were events, with that of its events. If they are equal, they are the
 * same: every row has its event, every event its row, and no key is there twice (`kinds.ts` in kernel/ says how sure that
 * is). A table with changes of its rows, or whose rows were captured in several ways, is left to the comparison in order.
 */
export async function vouchForTables(
  snapshot: Snapshot,
  crew: Crew,
  options: VouchTablesOptions,
): Promise<VouchedTables | null> {
  const { chain, histories, sources } = options;
  const sums = new Map(chain.sums.map((sum) => [sum.kind, sum]));
  const links = new Map(chain.sums.map((sum) => [sum.kind, sum.count]));
  // A configuration written past its guards can have a kind that looks like another one's changes.
  const unclear = new Set([...histories.keys()].filter((kind) => splitKind(kind).role !== null));
  for (const { kind } of chain.sums) {
    const { kind: table, role } = splitKind(kind);
    if (role !== null) unclear.add(table);
  }
  const clear = (): KindHistory[] => [...histories.values()].filter(({ kind }) => !unclear.has(kind));
  if (sources === null) return { links, matched: new Map(clear().map(({ kind }) => [kind, null])) };
  const { rows } = sources;
  const pending = await snapshot[0].attempt(async (lane) => {
    return await sumPending(lane, sources.pending, chain.tagKey, unclear);
  });
  if (pending === null) return null;
  for (const sum of pending) sums.set(sum.kind, addSums(sums.get(sum.kind), sum));
  const left = clear().filter(({ kind, configs }) => !rows.has(kind) && configs.some(isTracking));
  const jobs = jobsOf(left, { crew, tagKey: chain.tagKey, rows });
  for (const result of await sideBySide(snapshot.slice(0, crew.jobs), jobs))
    if (result.status === "rejected") throw result.reason;
  const matched = new Map<string, number | null>();
  for (const { kind, current } of clear()) {
    const sum = rows.get(kind);
    if (isDropped(current)) matched.set(kind, null);
    if (sum !== undefined && isSame(sum, sums.get(kind))) matched.set(kind, Number(sum.count));
  }
  return { links, matched };
}

const isTracking = ({ changes }: { readonly changes: string }): boolean => changes === "track";

function isSame(rows: KindSum, events: KindSum | undefined): boolean {
  const { count = 0n, sum0 = 0n, sum1 = 0n } = events ?? {};
  return rows.count === count && rows.sum0 === sum0 && rows.sum1 === sum1;
}

/** The sum of a table's rows; null where they cannot be added up, or something else is to be said of the table. */
async function addUpTable(lane: Lane, crew: Crew, history: KindHistory, tagKey: Uint8Array): Promise<KindSum | null> {
  const { kind, current } = history;
  try {
    return await lane.attempt(async (inner) => {
      let isMissing = false;
      const table = await openTable(inner, history, () => {
        isMissing = true;
      });
      if (isMissing || table === null || "reason" in table) return null;
      const tally = { matched: 0, unchainedYet: 0, unprovable: 0, excuse: null, unrecorded: 0, incomparable: 0 };
      if (verdict(history, table.shape, tally) !== null) return null;
      const { columns, members, absent, keyColumns } = current;
      const task = {
        what: "rows",
        kind,
        keyColumns: keyColumns.length,
        columns,
        members,
        absent,
        secret: table.secret,
        tagKey,
      } as const;
      return await crew.run(task, await streamSource(inner, table.shape, keyColumns, columns), () => {});
    });
  } catch (error) {
    if (!isRefused(error)) throw error;
    return null;
  }
}

/**
 * What is captured and not linked yet counts like an event. Kinds with changes among it are added to `unclear`. Null where
 * it cannot be added up.
 */
async function sumPending(
  lane: Lane,
  pending: Relation,
  tagKey: Uint8Array,
  unclear: Set<string>,
): Promise<KindSum[] | null> {
  const kernel = new Kernel(tagKey);
  let isGood = true;
  const columns = ["op", "event_kind", "event_pk", "payload_hash", "conflict"];
  await eachTuple(await lane.scan(pending, columns, "binary"), columns.length, ([op, kind, pk, hash, conflict]) => {
    if (conflict !== null) return;
    if (op == null || kind == null || pk == null || hash == null) isGood = false;
    else if (["event", "door"].includes(op.toString())) isGood &&= kernel.add(kind.toString(), pk.toString(), hash);
    else unclear.add(kind.toString());
  });
  const sums = kernel.sums();
  kernel.release();
  return isGood ? sums : null;
}
