import { quotedName } from "@scidex/audit-core";
import type { PlanShape } from "@scidex/audit-reader";

/** A relation or an index, as a statement names it and as a plan does. */
export interface Named {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
}

/** A column that rows are looked up by. */
export interface LookupColumn {
  readonly name: string;
  /** Whether it may be NULL: rows without a value are found by no key. */
  readonly mayBeNull: boolean;
  /** Oid of the operator that the index calls equality. */
  readonly equals: string;
}

/** A table as it is read: a partitioned one with its partitions, since nobody needs a right on these. */
export interface ReadTable extends Named {
  readonly isPartitioned: boolean;
  /** The columns that name a row in the chain. */
  readonly key: readonly string[];
}

/** An index, with the indexes of the partitions that it consists of; of a plain table itself. */
export interface ReadIndex extends Named {
  readonly parts: readonly Named[];
}

/** Each row of a table, looked up by one of its indexes. */
export interface Lookup {
  readonly table: ReadTable;
  readonly index: ReadIndex;
  readonly columns: readonly LookupColumn[];
}

/** How a table is named in FROM: without what inherits from it, but with its partitions. */
export const fromTable = ({ schema, name, isPartitioned }: ReadTable): string =>
  `${isPartitioned ? "" : "only "}${quotedName(schema)}.${quotedName(name)}`;

/** The columns of `a` by which a row is named. Their own names can be anybody's, and stand in the plan. */
export const keyList = ({ key }: ReadTable): string =>
  key.map((column, i) => `a.${quotedName(column)} as c${i}`).join(", ");

/**
 * The keys of those rows that the index does not lead to: each row is looked up by its own values, and must be the one
 * that is found. Sums over a scan of the index would agree even where, in the order of an old collation, 499 of 1,000
 * keys are not found.
 *
 * Every row meets the condition on `ctid`. It lets the planner read the outer table without an index while sequential
 * scans are switched off. They stay off because the planner would prefer one inside, too, where a table is small.
 *
 * With `offset 0` the inner scan is planned by itself, so that it has the key for its condition. Where the planner takes a
 * table for empty, which anybody with write authority can tell it, it would else scan the whole index for each row, and
 * each row would find itself.
 *
 * @param list what is to be said of these rows
 */
export function lookupStatement(
  { table, columns }: Lookup,
  pages: Pages = ALL_PAGES,
  list: string = keyList(table),
): string {
  const on = columns.map(({ name }) => `b.${quotedName(name)} operator(pg_catalog.=) a.${quotedName(name)}`);
  const known = columns.filter(({ mayBeNull }) => mayBeNull).map(({ name }) => `a.${quotedName(name)} is not null`);
  const place = ["ctid", ...(table.isPartitioned ? ["tableoid"] : [])];
  const same = place.map((name, i) => `b.c${i} operator(pg_catalog.=) a.${name}`);
  const found = `select ${place.map((name, i) => `b.${name} as c${i}`).join(", ")} from ${fromTable(table)} as b where ${on.join(" and ")} offset 0`;
  return `select ${list} from ${fromTable(table)} as a left join lateral (${found}) as b on true where ${[
    onPages(pages),
    ...known,
    `(${same.join(" and ")}) is not true`,
  ].join(" and ")}`;
}

/** Pages of a table from the first number on, up to before the second; null for the end. */
export type Pages = readonly [from: number, to: number | null];
export const ALL_PAGES: Pages = [0, null];

/** The condition that a row of `a` lies on these pages: every row meets that of all pages. */
export const onPages = ([from, to]: Pages): string =>
  [
    `a.ctid operator(pg_catalog.>=) '(${from},0)'::pg_catalog.tid`,
    ...(to === null ? [] : [`a.ctid operator(pg_catalog.<) '(${to},0)'::pg_catalog.tid`]),
  ].join(" and ");

/** Leaves the planner nothing but a nested loop with an index scan inside and a scan by place outside. */
export const LOOKUP_SETTINGS = [
  "enable_seqscan = off",
  "enable_indexscan = on",
  "enable_tidscan = on",
  "enable_indexonlyscan = off",
  "enable_bitmapscan = off",
  "enable_nestloop = on",
  "enable_hashjoin = off",
  "enable_mergejoin = off",
  "enable_material = off",
  "enable_memoize = off",
  "enable_sort = off",
  "enable_partitionwise_join = off",
  // A row is looked for in each partition: to skip some, the server follows bounds and orders that may lie.
  "enable_partition_pruning = off",
  // A database can have set what makes a scan of a whole index look cheaper than one of the table.
  "seq_page_cost = 1",
  "random_page_cost = 4",
  "cpu_tuple_cost = 0.01",
  "cpu_index_tuple_cost = 0.005",
  "cpu_operator_cost = 0.0025",
  "max_parallel_workers_per_gather = 0",
  "jit = off",
] as const;

/** A column of an index in its order. */
export interface ReadingColumn {
  readonly name: string;
  readonly isDescending: boolean;
  readonly nullsFirst: boolean;
}

/** An index read from end to end, to be compared with its table: all that it has, which index-only scans serve. */
export interface Reading {
  readonly table: ReadTable;
  readonly index: ReadIndex;
  readonly keys: readonly ReadingColumn[];
  /** Columns that it holds beside its keys. */
  readonly included: readonly string[];
}

export const readingColumns = ({ keys, included }: Reading): string[] => [...keys.map(({ name }) => name), ...included];

/** All rows of an index, in its order: with sorting and every other scan switched off, no other index has that order. */
export function readingStatement(reading: Reading): string {
  const { table, keys } = reading;
  const list = readingColumns(reading).map((name, i) => `a.${quotedName(name)} as c${i}`);
  const order = keys.map(
    ({ name, isDescending, nullsFirst }) =>
      `a.${quotedName(name)} ${isDescending ? "desc" : "asc"} nulls ${nullsFirst ? "first" : "last"}`,
  );
  return `select ${list.join(", ")} from ${fromTable(table)} as a order by ${order.join(", ")}`;
}

/**
 * Leaves nothing but a scan of an index alone. Where a table has just one partition, PostgreSQL does not count it
 * against a plan that it sorts, and would prefer sorting to what is switched off. There a scan of the index must stay
 * switched on.
 */
export const readingSettings = ({ table, index }: Reading): readonly string[] =>
  table.isPartitioned && index.parts.length === 1 ? [...READING_SETTINGS, "enable_indexscan = on"] : READING_SETTINGS;

const READING_SETTINGS = [
  ...LOOKUP_SETTINGS.filter((setting) => !setting.startsWith("enable_index") && !setting.startsWith("enable_tid")),
  "enable_indexscan = off",
  "enable_indexonlyscan = on",
  "enable_tidscan = off",
  "enable_incremental_sort = off",
] as const;

/** The indexes that a lookup's plan goes through, by oid; null where the plan is another one altogether. */
export function indexesOfLookup(plan: PlanShape): string[] | null {
  const inner = insideOf(plan);
  return inner !== null && scansOf(inner).every(({ isFiltered }) => !isFiltered) ? oidsOf(inner, "INDEXSCAN") : null;
}

/** The same of a plan that goes through other indexes, which have only a part of what is looked up. */
export function indexesInstead(plan: PlanShape): string[] | null {
  const inner = insideOf(plan);
  return inner === null ? null : oidsOf(inner, "INDEXSCAN");
}

/** What a lookup does for each row. */
function insideOf({ node, isLeftJoin, plans }: PlanShape): PlanShape | null {
  const [outer, inner, ...more] = plans;
  if (node !== "NESTLOOP" || !isLeftJoin || outer === undefined || inner === undefined || more.length > 0) return null;
  return scansOf(outer).every((scan) => scan.node === "TIDRANGESCAN") ? inner : null;
}

/** The indexes that a reading's plan scans; null where the plan is another one altogether. */
export const indexesOfReading = (plan: PlanShape): string[] | null =>
  scansOf(plan).every(({ isFiltered }) => !isFiltered) ? oidsOf(plan, "INDEXONLYSCAN") : null;

export const scansOf = (plan: PlanShape): readonly PlanShape[] =>
  plan.node === "APPEND" || plan.node === "MERGEAPPEND" ? plan.plans.flatMap(scansOf) : [plan];

function oidsOf(plan: PlanShape, node: string): string[] | null {
  const scans = scansOf(plan);
  const isOne = (scan: PlanShape) => scan.node === node && scan.plans.length === 0;
  return scans.every(isOne) ? scans.map(({ index }) => index ?? "") : null;
}

/** Whether a plan goes through all parts of an index, and through nothing else. */
export const isWhole = (index: ReadIndex, oids: readonly string[] | null): boolean =>
  oids !== null && oids.length === index.parts.length && index.parts.every(({ oid }) => oids.includes(oid));
