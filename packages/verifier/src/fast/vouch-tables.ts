import { splitKind } from "@scidex/audit-core";
import { keyExpression } from "@scidex/audit-schema/capture-source";
import { openTable, verdict } from "../check-table.ts";
import { type KindHistory, splitRelation } from "../config.ts";
import { Cursor } from "../cursor.ts";
import type { Recomputation } from "../payload.ts";
import { estimatePages } from "../read-chain.ts";
import type { Histories } from "../read-histories.ts";
import { streamSource } from "../read-source.ts";
import { isRefused } from "../refused.ts";
import type { Lane, Snapshot } from "../snapshot.ts";
import { identifier } from "../sql-text.ts";
import type { Crew } from "./crew.ts";
import { Kernel, type KindSum } from "./kernel.ts";
import { addSums, type VouchedChain } from "./vouch-links.ts";

/** Kinds whose events need not be compared one by one any more. */
export interface VouchedTables {
  /** The number of events of every kind in the chain. */
  readonly links: ReadonlyMap<string, bigint>;
  /** Kinds of tables in which nothing is wrong, with the number of their rows; null where rows were not asked for. */
  readonly matched: ReadonlyMap<string, number | null>;
}

/** Options of `vouchForTables`. */
export interface VouchTablesOptions {
  readonly chain: VouchedChain;
  readonly histories: Histories;
  /** Whether tables are compared at all. */
  readonly sources: boolean;
}

/** Pages of a table, from which on it is read in parts. */
const MANY_PAGES = 4096;

/**
 * Adds up the rows of each table as if they were events. If the sum is that of the table's events, they are the same: every
 * row has its event, every event its row, and no key is there twice (`kinds.ts` in assembly/ says how sure that is). A
 * table with changes of its rows, or whose rows were captured in several ways, is left to the comparison in order.
 */
export async function vouchForTables(
  snapshot: Snapshot,
  crew: Crew,
  options: VouchTablesOptions,
): Promise<VouchedTables | null> {
  const { chain, histories, sources } = options;
  const sums = new Map(chain.sums.map((sum) => [sum.kind, sum]));
  const links = new Map(chain.sums.map((sum) => [sum.kind, sum.count]));
  const unclear = new Set<string>();
  for (const { kind } of chain.sums) {
    const { kind: own, role } = splitKind(kind);
    if (role !== null) unclear.add(own);
  }
  // What is there by another key than the row's is compared one by one.
  for (const [kind, { configs }] of histories) if (configs.some(({ blindKey }) => blindKey)) unclear.add(kind);
  const matched = new Map<string, number | null>();
  if (!sources) {
    for (const kind of histories.keys()) if (!unclear.has(kind)) matched.set(kind, null);
    return { links, matched };
  }
  const pending = await snapshot[0].attempt(async (lane) => await sumPending(lane, chain.tagKey, unclear));
  if (pending === null) return null;
  for (const sum of pending) sums.set(sum.kind, addSums(sums.get(sum.kind), sum));
  const tables = [...histories.values()].filter(
    ({ kind, current }) => !unclear.has(kind) && current.action !== "detach",
  );
  const vouch = async (lanes: readonly [Lane, ...Lane[]], history: KindHistory): Promise<void> => {
    const rows = await vouchForTable(lanes, crew, history, sums.get(history.kind), chain.tagKey);
    if (rows !== null) matched.set(history.kind, rows);
  };
  const [first, ...others] = snapshot.slice(0, crew.jobs) as [Lane, ...Lane[]];
  const { large, small } = await bySize(first, tables);
  // A large table is read by all lanes together, the others side by side: each lane takes the next one.
  for (const history of large) await vouch([first, ...others], history);
  const waiting = small.values();
  await all(
    [first, ...others].map((lane) => async () => {
      for (const history of waiting) await vouch([lane], history);
    }),
  );
  return { links, matched };
}

async function bySize(lane: Lane, tables: readonly KindHistory[]) {
  const large: KindHistory[] = [];
  const small: KindHistory[] = [];
  for (const history of tables) {
    const place = splitRelation(history.current.relation);
    const pages = place === null ? 0 : await estimatePages(lane, place.schema, place.name);
    (pages >= MANY_PAGES ? large : small).push(history);
  }
  return { large, small };
}

/** The number of a table's rows, if they are just its events. It is read in as many parts as there are lanes. */
async function vouchForTable(
  lanes: readonly [Lane, ...Lane[]],
  crew: Crew,
  history: KindHistory,
  events: KindSum | undefined,
  tagKey: Uint8Array,
): Promise<number | null> {
  const { kind, current } = history;
  const [first, ...others] = lanes;
  try {
    // The first lane keeps the table's lock while all of them read.
    return await first.attempt(async (lane) => {
      let isMissing = false;
      const table = await openTable(lane, history, () => {
        isMissing = true;
      });
      if (isMissing || table === null || "reason" in table || !isPlain(history, table.ways)) return null;
      const tally = { matched: 0, unchainedYet: 0, unprovable: 0, excuse: null };
      if (verdict(history, table.shape, tally) !== null) return null;
      const parts = table.isPartitioned ? 1 : lanes.length;
      const pages = parts === 1 ? 0 : await estimatePages(lane, table.schema, table.name);
      const cut = (i: number) => Math.floor((pages * i) / parts);
      const task = { what: "rows", kind, columns: current.columns, tagKey } as const;
      const read = async (lane: Lane, i: number) => {
        const range = [cut(i), i + 1 === parts ? null : cut(i + 1)] as const;
        const [name = "", ...others] = current.keyColumns;
        // COPY writes a single column as the expression would, without computing it.
        const key = others.length === 0 ? `t.${identifier(name)}` : keyExpression(current.keyColumns);
        return await crew.run(task, await streamSource(lane, table, key, current.columns, range), () => {});
      };
      const sums = await all([
        async () => await read(lane, 0),
        ...others.slice(0, parts - 1).map((other, i) => async () => {
          return await other.attempt(async (inner) => await read(inner, i + 1));
        }),
      ]);
      if (!sums.every((sum) => sum !== null)) return null;
      const rows = sums.reduce(addSums);
      const isSame =
        rows.count === (events?.count ?? 0n) &&
        rows.sum0 === (events?.sum0 ?? 0n) &&
        rows.sum1 === (events?.sum1 ?? 0n);
      return isSame ? Number(rows.count) : null;
    });
  } catch (error) {
    if (!isRefused(error)) throw error;
    return null;
  }
}

/** Waits for all of it, also where a part fails: a connection in the middle of a COPY is of no use. */
async function all<T>(parts: readonly (() => Promise<T>)[]): Promise<T[]> {
  const settled = await Promise.allSettled(parts.map(async (part) => await part()));
  return settled.map((part) => {
    if (part.status === "rejected") throw part.reason;
    return part.value;
  });
}

/** Whether rows of any time have the same payload: that of the columns as they are now. */
function isPlain(history: KindHistory, ways: readonly Recomputation[]): boolean {
  const { columns } = history.current;
  return ways.every(
    ({ config, readings }) =>
      config.columns.length === columns.length &&
      config.columns.every((column, i) => column === columns[i]) &&
      readings.some((reading) => columns.every((column) => reading(column) === column)),
  );
}

/**
 * What is captured and not linked yet counts like an event. Kinds with changes among it are added to `unclear`. Null where
 * it cannot be added up.
 */
async function sumPending(lane: Lane, tagKey: Uint8Array, unclear: Set<string>): Promise<KindSum[] | null> {
  const query =
    "select p.op, p.event_kind, p.event_pk, p.payload_hash from only public.audit_chain_pending as p where p.conflict is null";
  const kernel = new Kernel(tagKey);
  let isGood = true;
  const rows = Cursor.binary(await lane.copy(query, "binary"), 4, ([op, kind, pk, hash]) => {
    if (op == null || kind == null || pk == null || hash == null) isGood = false;
    else if (["event", "door"].includes(op.toString())) isGood &&= kernel.add(kind.toString(), pk.toString(), hash);
    else unclear.add(kind.toString());
  });
  while ((await rows.next()) !== undefined);
  const sums = kernel.sums();
  kernel.release();
  return isGood ? sums : null;
}
