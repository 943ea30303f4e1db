import {
  type Chunks,
  closedForm,
  type Lane,
  plannedShape,
  type ReportFinding,
  type Snapshot,
  VerifierError,
} from "@scidex/audit-reader";
import {
  indexesOfReading,
  isWhole,
  type Reading,
  readingColumns,
  readingSettings,
  readingStatement,
} from "./lookup.ts";
import type { TableAccess } from "./table-plan.ts";
import { closedOver, MAX_NAMED, relationOf, type Rows } from "./planner.ts";
import { Places, reportRows } from "./report-rows.ts";
import type { Crew } from "../bulk/crew.ts";
import { isSameSum, type TakeTuple, TupleAdder } from "../bulk/tuple-adder.ts";

/** What readings are compared with. */
export interface ReadingGround {
  readonly snapshot: Snapshot;
  readonly crew: Crew;
  readonly tagKey: Uint8Array;
  readonly report: ReportFinding;
}

/**
 * Reads an index from end to end and compares it with its table, on two connections at once. Compared are the values
 * that it serves without a look at the table, and which entries it lacks or has in excess.
 *
 * @returns the indexes that the server reads instead, null inside for another plan; null if all was read
 */
export async function compareReading(
  { snapshot, crew, tagKey, report }: ReadingGround,
  table: TableAccess,
  reading: Reading,
): Promise<{ readonly instead: readonly string[] | null } | null> {
  const { schema, name } = reading.table;
  const ofIndex = async <T>(use: (chunks: Chunks) => Promise<T>) =>
    await snapshot[1].attempt(async (lane) => {
      await lane.plan(readingSettings(reading));
      const statement = readingStatement(reading);
      const closed = await closedOver(lane, reading.table);
      const indexes = indexesOfReading(await plannedShape(lane, statement, closed));
      if (!isWhole(reading.index, indexes)) return { instead: indexes };
      const form = closedForm(statement, closed, (shape) =>
        isWhole(reading.index, indexesOfReading(shape)) ? null : "another index",
      );
      return { used: await use(await lane.read(form, "binary")) };
    });
  const ofTable = async <T>(use: (chunks: Chunks) => Promise<T>) =>
    await snapshot[0].attempt(async (lane) => await use(await scanTable(lane, reading)));
  const addUp = async (chunks: Chunks) => await crew.run({ what: "tuples", tagKey }, chunks, () => {});
  const [index, rows] = await both(ofIndex(addUp), ofTable(addUp));
  if (index.used === undefined) return index;
  if (isSameSum(index.used, rows)) return null;

  const [inIndex, inTable] = [new TagList(), new TagList()];
  const into = (list: TagList) => async (chunks: Chunks) =>
    await eachTuple(chunks, { name, tagKey }, (tag) => list.push(tag));
  await both(ofIndex(into(inIndex)), ofTable(into(inTable)));
  const odd = inTable.without(inIndex);
  const extra = inIndex.without(inTable).size - odd.size;
  // Nobody could add them up, but they are the same.
  if (odd.size === 0 && extra === 0) return null;
  const found = await rowsOf(snapshot[0], reading, tagKey, odd);
  const what = `the index ${reading.index.name} of ${schema}.${name}`;
  reportRows(table.kind, found, report, {
    expected: "the same values as in the table",
    actual: "others",
    message: `${what} does not have this row as it is: what reads the index alone gets other values`,
  });
  if (found.count === 0 || extra > 0)
    report({
      check: "access_mismatch",
      eventKind: table.kind,
      expected: `${inTable.length} rows`,
      actual: `${inIndex.length} rows`,
      message: `${what} has entries that no row has`,
    });
  return null;
}

/** Takes the tuples of a COPY one by one. */
async function eachTuple(
  chunks: Chunks,
  { name, tagKey, skipped }: { readonly name: string; readonly tagKey: Uint8Array; readonly skipped?: number },
  take: TakeTuple,
): Promise<void> {
  const adder = new TupleAdder({ tagKey }, skipped, take);
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) adder.push(next.value);
  if (adder.finish() !== null) return;
  throw new VerifierError("protocol", `the server broke off while ${name} was read, or a row is longer than 4 MB`);
}

/** Waits for both, also where one fails: a lane does one thing at a time. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === "rejected") throw a.reason;
  if (b.status === "rejected") throw b.reason;
  return [a.value, b.value];
}

/** The rows of the table, as bare columns in the order of the index's. */
async function scanTable(lane: Lane, reading: Reading, before: readonly string[] = []): Promise<Chunks> {
  const relation = await relationOf(lane, reading.table);
  if (relation === null) throw new VerifierError("protocol", `${reading.table.name} is not in the catalog any more`);
  return await lane.scan(relation, [...before, ...readingColumns(reading)], "binary");
}

/** The keys of the rows with one of these tags. */
async function rowsOf(lane: Lane, reading: Reading, tagKey: Uint8Array, odd: ReadonlySet<bigint>): Promise<Rows> {
  const places = new Places();
  await lane.attempt(async (attempt) => {
    // The place comes first, and is left out of the tag: of each field 4 bytes of length, then an oid, a page and a number.
    const chunks = await scanTable(attempt, reading, ["tableoid", "ctid"]);
    const take = (tag: bigint, fields: Buffer) => {
      if (!odd.has(tag)) return;
      places.add({ table: fields.readUInt32BE(4), page: fields.readUInt32BE(12), item: fields.readUInt16BE(16) });
    };
    await eachTuple(chunks, { name: reading.table.name, tagKey, skipped: PLACE_BYTES }, take);
  });
  return await places.rows(lane, reading.table);
}

const PLACE_BYTES = 18;

/** Tags in 8 bytes each. */
class TagList {
  #tags = new BigUint64Array(2 ** 16);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(tag: bigint): void {
    if (this.#length === this.#tags.length) {
      const more = new BigUint64Array(2 * this.#tags.length);
      more.set(this.#tags);
      this.#tags = more;
    }
    this.#tags[this.#length++] = tag;
  }

  sorted(): BigUint64Array {
    return this.#tags.subarray(0, this.#length).toSorted();
  }

  /** Tags that stand here more often than in the other list, `MAX_NAMED` at most. */
  without(other: TagList): Set<bigint> {
    const [mine, others] = [this.sorted(), other.sorted()];
    const left = new Set<bigint>();
    for (let i = 0, j = 0; i < mine.length && left.size < MAX_NAMED;) {
      const [a, b] = [mine[i] ?? 0n, others[j]];
      if (b === undefined || a < b) {
        left.add(a);
        i++;
      } else {
        if (a === b) i++;
        j++;
      }
    }
    return left;
  }
}
