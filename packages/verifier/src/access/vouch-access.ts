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
import type { TableAccess } from "./table-plan.ts";
import { closedOver, relationOf } from "./planner.ts";

/**
 * The fast way through many small tables: says of some that applications get their rows, and nothing of the others. Tables
 * of a group are locked together, and what must find no row is one statement for all of them.
 *
 * @param tagKey the key of sums that are compared
 * @returns the tables of which nothing is said
 */
export async function vouchForAccess(
  snapshot: Snapshot,
  crew: Crew,
  tables: readonly TableAccess[],
  tagKey: Uint8Array,
): Promise<TableAccess[]> {
  const catalog = await snapshot[0].catalog();
  await catalog.need(
    snapshot[0],
    tables.map(({ table }) => table.oid),
  );
  const groups = groupsOf(tables, ({ table }) => catalog.relationOf(table.oid));
  const jobs = groups
    .filter((group) => group.length > 1)
    .map(
      (group): Job<TableAccess[]> =>
        async (lane) =>
          await vouch(lane, crew, group, tagKey),
    );
  const vouched = new Set<TableAccess>();
  for (const result of await sideBySide(snapshot, jobs)) {
    if (result.status === "rejected") throw result.reason;
    for (const table of result.value) vouched.add(table);
  }
  return tables.filter((table) => !vouched.has(table));
}

/** Returns those tables of a group in which nothing is wrong. */
async function vouch(
  lane: Lane,
  crew: Crew,
  group: readonly TableAccess[],
  tagKey: Uint8Array,
): Promise<TableAccess[]> {
  try {
    return await lane.attempt(async (inner) => {
      const names = group.map(({ table }) => table);
      if (await lockAllAgainstRewriting(inner, names)) return [];
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
    return [];
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
  /** Whether this part of the plan is the one that is wanted. */
  readonly isRight: (plan: PlanShape) => boolean;
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
      isRight: (plan: PlanShape) => isWhole(lookup.index, indexesOfLookup(plan)) && joins(plan, oid),
    })),
    ...notNullStatement(table, ALL_PAGES, ONE).map((statement) => ({
      table,
      statement,
      isRight: (plan: PlanShape) => plan.plans.length === 0 && scans(plan, oid),
    })),
    ...table.foreignKeys.map((key) => ({
      table,
      statement: foreignKeyStatement(key, ONE),
      isRight: (plan: PlanShape) => indexesOfLookup(plan) !== null && joins(plan, key.parent.oid),
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
 * that leads to no row. One of which the server plans otherwise is left out. It is planned once, when it is run: as it reads
 * nothing but these tables, another plan does no harm, and what it finds is not used.
 */
async function withoutFindings(lane: Lane, group: readonly TableAccess[]): Promise<readonly TableAccess[]> {
  await lane.plan([...LOOKUP_SETTINGS, SEARCH_LIMIT]);
  let tables = group;
  for (let attempt = 0; attempt < 2; attempt++) {
    const searches = tables.flatMap(searchesOf);
    // One alone would have a plan of another shape.
    if (searches.length < 2) return [];
    const read = tables.flatMap(({ table, foreignKeys }) => [table, ...foreignKeys.map(({ parent }) => parent)]);
    let wrong: readonly TableAccess[] = tables;
    const statement = searches.map((search) => search.statement).join(" union all ");
    const form = closedForm(statement, await closedOver(lane, ...read), ({ node, plans }) => {
      const isWhole = node === "APPEND" && plans.length === searches.length;
      if (isWhole)
        wrong = searches.flatMap(({ table, isRight }, i) => (plans.slice(i, i + 1).every(isRight) ? [] : table));
      return null;
    });
    const found = await lane.rows(form, 1, () => true);
    if (wrong.length === 0) return found.length === 0 ? tables : [];
    tables = tables.filter((table) => !wrong.includes(table));
  }
  return [];
}

/** Those tables of which each index has just what the table has. */
async function withSameIndexes(
  lane: Lane,
  tables: readonly TableAccess[],
  addUp: (forms: readonly Form[]) => Promise<(TupleSum | null)[]>,
  rows: ReadonlyMap<Reading, TupleSum | null>,
): Promise<TableAccess[]> {
  const readings = tables.flatMap((table) => table.readings);
  const [first] = readings;
  if (first === undefined) return [...tables];
  // The same for all: none of these tables is partitioned.
  await lane.plan([...readingSettings(first), "statement_timeout = 0"]);
  const statements = await each(readings, async (reading) => ({
    reading,
    statement: readingStatement(reading),
    closed: await closedOver(lane, reading.table),
  }));
  const shapes = await plannedShapes(lane, statements);
  const isIndex = ({ index }: Reading, shape: PlanShape | undefined) =>
    shape !== undefined && isWhole(index, indexesOfReading(shape));
  const planned = statements.filter(({ reading }, i) => isIndex(reading, shapes[i]));
  const forms = planned.map(({ reading, statement, closed }) =>
    closedForm(statement, closed, (shape) => (isIndex(reading, shape) ? null : "another index")),
  );
  const sums = await addUp(forms);
  const same = new Set(
    planned.flatMap(({ reading }, i) => (isSameSum(sums[i] ?? null, rows.get(reading) ?? null) ? [reading] : [])),
  );
  return tables.filter((table) => table.readings.every((reading) => same.has(reading)));
}
