import { splitKind } from "@scidex/audit-core";
import { type OpenTable, openTable, verdict } from "../rows/check-table.ts";
import { emptyTally } from "../rows/comparison.ts";
import type { Recorder, VouchedTables } from "../rows/check-tables.ts";
import type { Generations } from "../coverage/generations.ts";
import { isDropped, type KindHistory, splitRelation } from "../coverage/config.ts";
import { epochStarts } from "../coverage/key-epochs.ts";
import {
  eachTuple,
  type Form,
  isRefused,
  type Lane,
  type LiveCatalog,
  lockAllAgainstRewriting,
  type Relation,
  scanForm,
  type Snapshot,
} from "@scidex/audit-reader";
import type { Histories } from "../coverage/read-histories.ts";
import type { Crew } from "./crew.ts";
import { Kernel, type KindSum } from "./kernel.ts";
import { groupsOf } from "./small-tables.ts";
import type { RowsTask } from "./row-voucher.ts";
import { type Job, sideBySide } from "./side-by-side.ts";
import { isFound, type RecordedSum, recordedSum } from "./recorded-sum.ts";
import { addSums, isSameSum, type VouchedChain } from "./vouch-links.ts";

/** What came of adding up the rows of tables. */
export interface RowSums {
  /** By kind; those that could not be added up are missing. */
  readonly sums: Map<string, KindSum>;
  /** By kind, how the rows of these were read. */
  readonly tables: Map<string, OpenTable>;
  /** Tables that were to be read together with others, of which one was refused: each is tried alone. */
  readonly refused: KindHistory[];
}

/** Options of `vouchForTables`. */
export interface VouchTablesOptions {
  readonly chain: VouchedChain;
  readonly histories: Histories;
  /** Null where tables are not compared at all. */
  readonly sources: { readonly pending: Relation; readonly rows: RowSums } | null;
  readonly generations: Generations;
  readonly recorder: Recorder | undefined;
}

/**
 * Jobs that add up the rows of tables, beside the chain: of all whose rows do not change, as it seems. Of the others only
 * the chain says whether they have changed.
 */
export function addUpTables(histories: Histories, adding: Adding): Job<void>[] {
  return jobsOf(
    [...histories.values()].filter(({ configs }) => configs.every(({ changes }) => changes === "refuse")),
    adding,
  );
}

/** Where rows are added up, and what by. */
export interface Adding {
  readonly catalog: LiveCatalog;
  readonly crew: Crew;
  readonly tagKey: Uint8Array;
  readonly rows: RowSums;
}

function jobsOf(tables: readonly KindHistory[], adding: Adding): Job<void>[] {
  const { catalog } = adding;
  const read = tables.filter(({ current }) => current.action !== "detach");
  const groups = groupsOf(read, ({ current }) => {
    const place = splitRelation(current.relation);
    return place === null ? undefined : catalog.relation(place.schema, place.name);
  });
  return groups.map((group) => async (lane) => {
    if (!(await addUp(lane, group, adding)) && group.length > 1) adding.rows.refused.push(...group);
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
  const links = new Map(chain.sums.flatMap(({ kind, count }) => (isFound(kind) ? [] : [[kind, count]])));
  // A configuration written past its guards can have a kind that looks like another one's changes.
  const unclear = new Set([...histories.keys()].filter((kind) => splitKind(kind).role !== null));
  // Tables of whose rows some were recorded anew, and none changed.
  const recorded = new Set<string>();
  for (const kind of links.keys()) {
    const { kind: table, role } = splitKind(kind);
    if (role === "record" && sources !== null) recorded.add(table);
    else if (role !== null) unclear.add(table);
  }
  const clear = (): KindHistory[] => [...histories.values()].filter(({ kind }) => !unclear.has(kind));
  if (sources === null) return { links, matched: new Map(clear().map(({ kind }) => [kind, null])) };
  const { rows } = sources;
  const pending = await snapshot[0].attempt(async (lane) => {
    return await sumPending(lane, sources.pending, chain.tagKey, unclear);
  });
  if (pending === null) return null;
  for (const sum of pending) sums.set(sum.kind, addSums(sums.get(sum.kind), sum));
  const adding = { catalog: await snapshot[0].catalog(), crew, tagKey: chain.tagKey, rows };
  const isInOrder = (history: KindHistory): boolean =>
    options.recorder?.inOrder(history, options.generations.get(history.kind) ?? []) === true;
  const left = clear().filter(
    (history) => !rows.sums.has(history.kind) && history.configs.some(isTracking) && !isInOrder(history),
  );
  await runAll(snapshot, adding, jobsOf(left, adding));
  await addUpRefused(snapshot, adding, ({ kind }) => !unclear.has(kind));
  const matched = new Map<string, number | null>();
  for (const history of clear()) {
    const { kind, current } = history;
    const sum = rows.sums.get(kind);
    const isRecorded = recorded.has(kind);
    if (isDropped(current) && !isRecorded) matched.set(kind, null);
    if (sum === undefined) continue;
    const newest = isRecorded ? newestSum(history, options, rows.tables.get(kind)) : null;
    const waiting = pending.find((one) => one.kind === kind);
    const wanted = isRecorded ? newest && addSums(waiting, newest.sum) : sums.get(kind);
    if (wanted === null || !isSameSum(wanted, sum)) continue;
    matched.set(kind, Number(sum.count));
    if (newest != null && newest.unstated !== null) options.recorder?.vouched(history, newest.unstated);
  }
  return { links, matched };
}

/** Tries tables again, each alone, that were to be read together with one that was refused. */
export async function addUpRefused(
  snapshot: Snapshot,
  adding: Adding,
  isWanted: (history: KindHistory) => boolean = () => true,
): Promise<void> {
  const refused = adding.rows.refused.filter(isWanted);
  await runAll(
    snapshot,
    adding,
    refused.map((table) => async (lane) => await addUp(lane, [table], adding)),
  );
}

async function runAll(snapshot: Snapshot, { crew }: Adding, jobs: readonly Job<unknown>[]): Promise<void> {
  for (const result of await sideBySide(snapshot.slice(0, crew.jobs), jobs))
    if (result.status === "rejected") throw result.reason;
}

const isTracking = ({ changes }: { readonly changes: string }): boolean => changes === "track";

const newestSum = (
  history: KindHistory,
  { chain, generations, recorder }: VouchTablesOptions,
  table: OpenTable | undefined,
): RecordedSum | null =>
  recordedSum(history, chain, generations.get(history.kind) ?? [], { toBeStated: recorder !== undefined, table });

/**
 * Adds up the rows of tables, which are read in one go. What cannot be added up is left out, and so is a table of which
 * something else is to be said.
 *
 * @returns false where something was refused, or a table rewritten: then others may be left out as well
 */
async function addUp(lane: Lane, tables: readonly KindHistory[], { crew, tagKey, rows }: Adding): Promise<boolean> {
  try {
    return await lane.attempt(async (inner) => {
      const places = tables.flatMap(({ current }) => splitRelation(current.relation) ?? []);
      if (await lockAllAgainstRewriting(inner, places)) return false;
      const sources: { readonly form: Form; readonly task: { readonly what: "rows" } & RowsTask }[] = [];
      for (const history of tables) {
        const table = await openLocked(inner, history);
        if (table === null) continue;
        const { columns, keyColumns } = history.current;
        rows.tables.set(history.kind, table);
        sources.push({
          form: scanForm(table.shape, [...keyColumns, ...columns]),
          task: rowsTaskOf(history, table, tagKey),
        });
      }
      const forms = sources.map(({ form }) => form);
      await inner.readEach(forms, "text", async (chunks, i) => {
        const task = sources[i]?.task;
        const sum = task && (await crew.run(task, chunks, () => {}));
        if (sum) rows.sums.set(sum.kind, sum);
      });
      return true;
    });
  } catch (error) {
    if (!isRefused(error)) throw error;
    return false;
  }
}

/** How a table's rows are added up. */
export function rowsTaskOf(
  { kind, current }: KindHistory,
  { secret }: OpenTable,
  tagKey: Uint8Array,
): { readonly what: "rows" } & RowsTask {
  const { columns, members, absent, keyColumns } = current;
  return { what: "rows", kind, keyColumns: keyColumns.length, columns, members, absent, secret, tagKey };
}

/** A table that is locked; null where it cannot be added up, or something else is to be said of it. */
export async function openLocked(lane: Lane, history: KindHistory): Promise<OpenTable | null> {
  let isMissing = false;
  const missing = () => {
    isMissing = true;
  };
  const table = await openTable(lane, history, missing, async () => false);
  if (isMissing || table === null || "reason" in table) return null;
  // What a row's hash takes stands in another table.
  if (table.salted !== null) return null;
  // Their rows had other keys, which tell nothing of those that they have now.
  if (epochStarts(history).length > 0) return null;
  // Rows of before a change of type are held against what their texts were, which sums cannot tell from what they are.
  if (table.readings.some(({ before }) => before.size > 0)) return null;
  return verdict(history, table.shape, emptyTally()) === null ? table : null;
}

/**
 * What is captured and not linked yet counts like an event. Kinds with changes among it are added to `unclear`. Null where
 * it cannot be added up.
 */
export async function sumPending(
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
