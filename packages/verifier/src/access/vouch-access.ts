import {
  closedForm,
  type Form,
  isRefused,
  type Lane,
  lockAllAgainstRewriting,
  plannedShapes,
  type PlanShape,
  scanForm,
  type Snapshot,
} from "@scidex/audit-reader";
import type { Crew } from "../bulk/crew.ts";
import { type Job, sideBySide } from "../bulk/side-by-side.ts";
import { groupsOf } from "../bulk/small-tables.ts";
import { isSameSum, type TupleSum } from "../bulk/tuple-adder.ts";
import { foreignKeyStatement, notNullStatement } from "./constraint.ts";
import {
  ALL_PAGES,
  indexesInstead,
  indexesOfLookup,
  indexesOfReading,
  isWhole,
  LOOKUP_SETTINGS,
  lookupStatement,
  type Reading,
  readingColumns,
  readingSettings,
  readingStatement,
  scansOf,
} from "./lookup.ts";
import { preferred } from "./preferred.ts";
import type { TableAccess } from "./table-plan.ts";
import { closedOver, relationOf } from "./planner.ts";

/** What the fast way through many small tables says. */
export interface VouchedAccess {
  /** The tables of which nothing is said. */
  readonly left: readonly TableAccess[];
  /** Indexes of the others that the server does not use, each with its table. */
  readonly notChecked: readonly string[];
}

/**
 * The fast way through many small tables: says of some that applications get their rows, and nothing of the others. Tables
 * of a group are locked together, and what must find no row is one statement for all of them.
 *
 * @param tagKey the key of sums that are compared
 */
export async function vouchForAccess(
  snapshot: Snapshot,
  crew: Crew,
  tables: readonly TableAccess[],
  tagKey: Uint8Array,
): Promise<VouchedAccess> {
  const catalog = await snapshot[0].catalog();
  await catalog.need(
    snapshot[0],
    tables.map(({ table }) => table.oid),
  );
  const groups = groupsOf(tables, ({ table }) => catalog.relationOf(table.oid));
  const jobs = groups
    .filter((group) => group.length > 1)
    .map(
      (group): Job<Found> =>
        async (lane) =>
          await vouch(lane, crew, group, tagKey),
    );
  const vouched: Found = new Map();
  for (const result of await sideBySide(snapshot, jobs)) {
    if (result.status === "rejected") throw result.reason;
    for (const [table, notes] of result.value) vouched.set(table, notes);
  }
  return { left: tables.filter((table) => !vouched.has(table)), notChecked: [...vouched.values()].flat() };
}

/** Tables in which nothing is wrong, each with what of it is not checked. */
type Found = Map<TableAccess, readonly string[]>;

/** Returns those tables of a group in which nothing is wrong. */
async function vouch(lane: Lane, crew: Crew, group: readonly TableAccess[], tagKey: Uint8Array): Promise<Found> {
  try {
    return await lane.attempt(async (inner) => {
      const names = group.map(({ table }) => table);
      if (await lockAllAgainstRewriting(inner, names)) return new Map();
      const readings = group.flatMap((table) => table.readings);
      const addUp = async (forms: readonly Form[]) =>
        await inner.readEach(
          forms,
          "binary",
          async (chunks) => await crew.run({ what: "tuples", tagKey }, chunks, () => {}),
        );
      const rows = await addUp(await each(readings, async (reading) => await formOfTable(inner, reading)));
      const sums = new Map(readings.map((reading, i) => [reading, rows[i] ?? null]));
      const found = await withoutFindings(inner, group);
      return await withSameIndexes(inner, found, addUp, sums);
    });
  } catch (error) {
    if (!isRefused(error)) throw error;
    return new Map();
  }
}

/** One after the other: a lane does one thing at a time. */
async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

async function formOfTable(lane: Lane, reading: Reading): Promise<Form> {
  const relation = await relationOf(lane, reading.table);
  if (relation === null) throw new Error(`the catalog has lost ${reading.table.name}`);
  return scanForm(relation, readingColumns(reading));
}

/** A statement that must find no row, as a part of one for all tables of a group. */
interface Search {
  readonly table: TableAccess;
  readonly statement: string;
  /** Whether this part of the plan is the one that is wanted; or a text, which says that it is as good. */
  readonly judge: (plan: PlanShape) => boolean | string;
}

/** Of a row that is found nothing is said but that there is one: then the table is looked at by itself. */
const ONE = "1 as c0";

function searchesOf(table: TableAccess): Search[] {
  const { oid } = table.table;
  const scans = (plan: PlanShape | undefined, relation: string) =>
    plan !== undefined && scansOf(plan).every((scan) => scan.relation === relation);
  const joins = (plan: PlanShape, parent: string) => scans(plan.plans[0], oid) && scans(plan.plans[1], parent);
  return [
    ...table.lookups.map((lookup) => ({
      table,
      statement: lookupStatement(lookup, ALL_PAGES, ONE),
      judge: (plan: PlanShape) => {
        if (!joins(plan, oid)) return false;
        const isRight = isWhole(lookup.index, indexesOfLookup(plan));
        return isRight || (preferred(table, lookup.index.name, indexesInstead(plan)) ?? false);
      },
    })),
    ...notNullStatement(table, ALL_PAGES, ONE).map((statement) => ({
      table,
      statement,
      judge: (plan: PlanShape) => plan.plans.length === 0 && scans(plan, oid),
    })),
    ...table.foreignKeys.map((key) => ({
      table,
      statement: foreignKeyStatement(key, ONE),
      judge: (plan: PlanShape) => indexesOfLookup(plan) !== null && joins(plan, key.parent.oid),
    })),
  ];
}

/**
 * A search may take no longer: of small tables it takes some milliseconds. One that somebody has made look small would be
 * scanned whole for each of its rows, if an index cannot be used.
 */
const SEARCH_LIMIT = "statement_timeout = '10s'";

/**
 * Those tables in which nothing is found that must not be there: a row that an index does not lead to, a NULL, a foreign key
 * that leads to no row. One of which the server plans otherwise is left out, unless it prefers an index that is checked as
 * well. It is planned once, when it is run: as it reads nothing but these tables, another plan does no harm. Where nothing is
 * found at all, no part has found anything. Else those with another plan may have, and the others are looked at again.
 */
async function withoutFindings(lane: Lane, group: readonly TableAccess[]): Promise<Found> {
  await lane.plan([...LOOKUP_SETTINGS, SEARCH_LIMIT]);
  let tables = group;
  for (let attempt = 0; attempt < 2; attempt++) {
    const searches = tables.flatMap(searchesOf);
    // One alone would have a plan of another shape.
    if (searches.length < 2) return new Map();
    const read = tables.flatMap(({ table, foreignKeys }) => [table, ...foreignKeys.map(({ parent }) => parent)]);
    let judged: readonly (boolean | string)[] = [];
    const statement = searches.map((search) => search.statement).join(" union all ");
    const form = closedForm(statement, await closedOver(lane, ...read), ({ node, plans }) => {
      const isWhole = node === "APPEND" && plans.length === searches.length;
      judged = isWhole ? searches.flatMap(({ judge }, i) => plans.slice(i, i + 1).map(judge)) : [];
      return null;
    });
    const found = await lane.rows(form, 1, () => true);
    const wrong = new Set(searches.flatMap(({ table }, i) => ((judged[i] ?? false) === false ? table : [])));
    const right = tables.filter((table) => !wrong.has(table));
    if (found.length === 0) {
      const notes = (table: TableAccess) =>
        searches.flatMap((search, i) => (search.table === table ? [judged[i]] : []).filter(isText));
      return new Map(right.map((table) => [table, notes(table)]));
    }
    if (wrong.size === 0) break;
    tables = right;
  }
  return new Map();
}

const isText = (value: unknown): value is string => typeof value === "string";

/** Those tables of which each index has just what the table has. */
async function withSameIndexes(
  lane: Lane,
  found: Found,
  addUp: (forms: readonly Form[]) => Promise<(TupleSum | null)[]>,
  rows: ReadonlyMap<Reading, TupleSum | null>,
): Promise<Found> {
  const owned = [...found.keys()].flatMap((table) => table.readings.map((reading) => ({ table, reading })));
  const [first] = owned;
  if (first === undefined) return found;
  // The same for all: none of these tables is partitioned.
  await lane.plan([...readingSettings(first.reading), "statement_timeout = 0"]);
  const statements = await each(owned, async ({ table, reading }) => ({
    table,
    reading,
    statement: readingStatement(reading),
    closed: await closedOver(lane, reading.table),
  }));
  const shapes = await plannedShapes(lane, statements);
  const indexesOf = (shape: PlanShape | undefined) => (shape === undefined ? null : indexesOfReading(shape));
  const isIndex = ({ index }: Reading, shape: PlanShape | undefined) => isWhole(index, indexesOf(shape));
  const planned = statements.filter(({ reading }, i) => isIndex(reading, shapes[i]));
  const forms = planned.map(({ reading, statement, closed }) =>
    closedForm(statement, closed, (shape) => (isIndex(reading, shape) ? null : "another index")),
  );
  const sums = await addUp(forms);
  const same = new Set(
    planned.flatMap(({ reading }, i) => (isSameSum(sums[i] ?? null, rows.get(reading) ?? null) ? [reading] : [])),
  );
  const instead = new Map(
    statements.flatMap(({ table, reading }, i): [Reading, string][] => {
      const note = isIndex(reading, shapes[i]) ? null : preferred(table, reading.index.name, indexesOf(shapes[i]));
      return note === null ? [] : [[reading, note]];
    }),
  );
  const isGood = (reading: Reading) => same.has(reading) || instead.has(reading);
  return new Map(
    [...found]
      .filter(([table]) => table.readings.every(isGood))
      .map(([table, notes]) => [table, [...notes, ...table.readings.flatMap((reading) => instead.get(reading) ?? [])]]),
  );
}
