/**
 * What a verification takes at most, whatever the database is like: past a bound, what was being looked at is `unproven`, and
 * the reason names the bound.
 */
export const BOUNDS = {
  /** Seconds that a statement may take that reads a catalog. Rows of tables have the time of the whole. */
  catalogSeconds: 60,
  /** Milliseconds that the whole verification may take, where the caller does not say. */
  maxDurationMs: 24 * 60 * 60 * 1000,
  /** Characters of a source, an expression or rights that are read: more than any of ours or of PostgreSQL's has. */
  sliceCharacters: 1_000_000,
  /** Types within types that are described. */
  typeDepth: 100,
  /** Characters of the description of a type. */
  typeLength: 2 ** 21,
} as const;
