/** A row of `audit_chain` as the database hands it over. Constraints may have been dropped: anything may stand in it. */
export interface ChainRow {
  readonly seq: unknown;
  readonly event_kind: unknown;
  readonly event_pk: unknown;
  readonly payload_hash: unknown;
  readonly event_hash: unknown;
  readonly prev_hash: unknown;
  readonly chain_hash: unknown;
  readonly before_hash: unknown;
  readonly appended_at: unknown;
}

/** PostgreSQL's text of a timestamptz under TimeZone=UTC and DateStyle=ISO, and the form that is hashed. */
export function timeOf(text: unknown): string | undefined {
  const match = typeof text === "string" ? /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text) : null;
  return match ? `${match[1]}T${match[2]}.${(match[3] ?? "").padEnd(6, "0")}Z` : undefined;
}

export function seqValue(value: unknown): bigint | undefined {
  return typeof value === "string" && /^-?\d{1,19}$/.test(value) ? BigInt(value) : undefined;
}
