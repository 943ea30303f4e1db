/** A relation that is read: its name for the statement, its numbers for the plan that has to come of it. */
export interface Relation {
  readonly schema: string;
  readonly name: string;
  readonly oid: number;
  /** `attnum` of each of its columns; system columns are known besides. */
  readonly attributes: ReadonlyMap<string, number>;
  /**
   * Of a partitioned table: what holds its rows. They are read through the table itself, since whoever may read that may
   * not read a partition that was made later.
   */
  readonly leaves?: readonly Relation[];
}

/** Columns that every table has, by `attnum`. */
export const SYSTEM_ATTRIBUTES: ReadonlyMap<string, number> = new Map([
  ["ctid", -1],
  ["xmin", -2],
]);

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

/** Characters of a slice: more than any source or expression of ours, or of PostgreSQL's, has. */
export const SLICE_CHARACTERS = 1_000_000;

/** @throws Error for a column that the relation does not have */
export function attributeOf(relation: Relation, column: string): number {
  const number = relation.attributes.get(column) ?? SYSTEM_ATTRIBUTES.get(column);
  if (number === undefined) throw new Error(`${relation.schema}.${relation.name} has no column ${column}`);
  return number;
}

/** Which rows of the chain are read. Integers stand in the statement as they are: no input function reads them. */
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
}
