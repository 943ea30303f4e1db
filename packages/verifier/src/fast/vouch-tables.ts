import { keyExpression } from "@scidex/audit-schema/capture-source";
import { openTable, verdict } from "../check-table.ts";
import type { KindHistory } from "../config.ts";
import { Cursor } from "../cursor.ts";
import type { Recomputation } from "../payload.ts";
import { estimateSize } from "../read-chain.ts";
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

const CHANGES = ["insert", "update", "delete"] as const;

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
  // A kind that looks like the changes of another one: which of the two an event belongs to is not decided here.
  for (const kind of histories.keys()) if (CHANGES.some((change) => histories.has(`${kind}:${change}`))) return null;
  const sums = new Map(chain.sums.map((sum) => [sum.kind, sum]));
  const links = new Map(chain.sums.map((sum) => [sum.kind, sum.count]));
  const unclear = new Set<string>();
  for (const kind of histories.keys()) if (CHANGES.some((change) => sums.has(`${kind}:${change}`))) unclear.add(kind);
  const matched = new Map<string, number | null>();
  if (!sources) {
    for (const kind of histories.keys()) if (!unclear.has(kind)) matched.set(kind, null);
    return { links, matched };
  }
  const pending = await snapshot[0].attempt(async (lane) => await sumPending(lane, chain.tagKey, unclear));
  if (pending === null) return null;
  for (const sum of pending) sums.set(sum.kind, addSums(sums.get(sum.kind), sum));
  for (const [kind, history] of histories) {
    if (unclear.has(kind)) continue;
    const rows = await vouchForTable(snapshot, crew, history, sums.get(kind), chain.tagKey);
    if (rows !== null) matched.set(kind, rows);
  }
  return { links, matched };
}

/** The number of a table's rows, if they are just its events. */
async function vouchForTable(
  snapshot: Snapshot,
  crew: Crew,
  history: KindHistory,
  events: KindSum | undefined,
  tagKey: Uint8Array,
): Promise<number | null> {
  const { kind, current } = history;
  if (current.action === "detach") return null;
  try {
    // The first lane keeps the table's lock while all of them read.
    return await snapshot[0].attempt(async (lane) => {
      let isMissing = false;
      const table = await openTable(lane, history, () => {
        isMissing = true;
      });
      if (isMissing || table === null || "reason" in table || !isPlain(history, table.ways)) return null;
      const tally = { matched: 0, unchainedYet: 0, unprovable: 0, excuse: null };
      if (verdict(history, table.shape, tally) !== null) return null;
      const { pages } = await estimateSize(lane, table.schema, table.name);
      const parts = table.isPartitioned || pages < MANY_PAGES ? 1 : Math.min(crew.jobs, snapshot.length);
      const cut = (i: number) => Math.floor((pages * i) / parts);
      const task = { what: "rows", kind, columns: current.columns, tagKey } as const;
      const read = async (lane: Lane, i: number) => {
        const range = [cut(i), i + 1 === parts ? null : cut(i + 1)] as const;
        const [name = "", ...others] = current.keyColumns;
        // COPY writes a single column as the expression would, without computing it.
        const key = others.length === 0 ? `t.${identifier(name)}` : keyExpression(current.keyColumns);
        return await crew.run(task, await streamSource(lane, table, key, current.columns, range), () => {});
      };
      const rows = await allSums([
        async () => await read(lane, 0),
        ...Array.from({ length: parts - 1 }, (_, i) => async () => {
          const other = snapshot[i + 1];
          return other === undefined ? null : await other.attempt(async (inner) => await read(inner, i + 1));
        }),
      ]);
      if (rows === null) return null;
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

/** Waits for all parts, and adds them up; null if one of them is. */
async function allSums(parts: readonly (() => Promise<KindSum | null>)[]): Promise<KindSum | null> {
  const settled = await Promise.allSettled(parts.map(async (part) => await part()));
  let sum: KindSum | undefined;
  let isWhole = true;
  for (const part of settled) {
    if (part.status === "rejected") throw part.reason;
    if (part.value === null) isWhole = false;
    else sum = addSums(sum, part.value);
  }
  return isWhole && sum !== undefined ? sum : null;
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
