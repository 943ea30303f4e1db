/** A relation that is read: its name for the statement, its numbers for the plan that has to come of it. */
export interface Relation {
  readonly schema: string;
  readonly name: string;
  readonly oid: number;
  /** `attnum` of each of its columns. */
  readonly attributes: ReadonlyMap<string, number>;
  /**
   * Of a partitioned table: what holds its rows. They are read through the table itself, since whoever may read that may
   * not read a partition that was made later.
   */
  readonly leaves?: readonly Relation[];
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
