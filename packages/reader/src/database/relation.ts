import { BOUNDS } from "./bounds.ts";

/** A relation that is read: its name for the statement, its numbers for the plan that has to come of it. */
export interface Relation {
  readonly schema: string;
  readonly name: string;
  readonly oid: number;
  /** `attnum` of each of its columns; system columns are known besides. */
  readonly attributes: ReadonlyMap<string, number>;
  /** The type of each of its columns, by oid: what a column is sent through. */
  readonly types: ReadonlyMap<string, number>;
  /**
   * Of a partitioned table: what holds its rows. They are read through the table itself, since whoever may read that may
   * not read a partition that was made later.
   */
  readonly leaves?: readonly Relation[];
}

/** Columns that every table has: `attnum`, and the type by oid. */
const SYSTEM_ATTRIBUTES: ReadonlyMap<string, AttributeOf> = new Map([
  ["ctid", { number: -1, type: 27 }],
  ["xmin", { number: -2, type: 28 }],
  ["tableoid", { number: -6, type: 26 }],
]);

/** A column as a plan names it: its `attnum`, and its type by oid. */
export interface AttributeOf {
  readonly number: number;
  readonly type: number;
}

/**
 * The first characters of a column that can be of any length, as text: of a text, of a stored expression (`tree`), or of
 * an array as it is printed. Whoever may create a function or a table could else fill the verifier's memory.
 */
export interface Slice {
  readonly slice: string;
  readonly of: "text" | "tree" | "array";
}

/** What is read of a relation. */
export type Column = string | Slice;

/** Characters of a slice. */
export const SLICE_CHARACTERS = BOUNDS.sliceCharacters;

/** @throws {Error} for a column that the relation does not have */
export function attributeOf(relation: Relation, column: string): AttributeOf {
  const [number, type] = [relation.attributes.get(column), relation.types.get(column)];
  const found = number === undefined || type === undefined ? SYSTEM_ATTRIBUTES.get(column) : { number, type };
  if (found === undefined) throw new Error(`${relation.schema}.${relation.name} has no column ${column}`);
  return found;
}

/** Which rows are read: but for `blocks`, of the chain only. Integers stand in the statement as they are: no input function reads them. */
export interface Rows {
  /** From this seq on. Without it, rows whose seq is NULL come too. */
  readonly from?: bigint | undefined;
  /** Up to this seq. */
  readonly to?: bigint | undefined;
  /**
   * Only rows whose kind has one of so many characters. The one condition that calls a function, pg_catalog.length(text),
   * so that a few events need not be looked for among all of them here.
   */
  readonly kindLengths?: readonly number[] | undefined;
  /** Only rows in these blocks. Scans without an index have to be switched off (`BLOCK_SETTINGS`). */
  readonly blocks?: Blocks | undefined;
}

/** Blocks of a table from the first number on, up to before the second; null for the end. */
export type Blocks = readonly [from: number, to: number | null];

/** What the planner has to be told before rows are read by blocks. */
export const BLOCK_SETTINGS: readonly string[] = ["enable_seqscan = off", "enable_tidscan = on"];
