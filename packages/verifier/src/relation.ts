/** A relation that is read: its name for the statement, its numbers for the plan that has to come of it. */
export interface Relation {
  readonly schema: string;
  readonly name: string;
  readonly oid: number;
  /** `attnum` of each of its columns. */
  readonly attributes: ReadonlyMap<string, number>;
}
