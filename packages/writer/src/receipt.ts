import { sql } from "drizzle-orm";

/** What was recorded, as text that can be logged and compared. */
export interface Receipt {
  /** Position in the chain: 1, 2, 3 … */
  readonly seq: bigint;
  /** SHA-256 over kind, key, payload hash and time: 64 lower-case hex digits (core's `fromHex` gives the bytes). */
  readonly eventHash: string;
  /** SHA-256 over the chain hash before, the event hash and the seq: 64 lower-case hex digits. */
  readonly chainHash: string;
  /** When it was linked, by the database's clock: `YYYY-MM-DDTHH:MM:SS.ffffffZ`. */
  readonly appendedAt: string;
}

/**
 * What to select from a door's rows, called `r`. Everything is text: drivers differ in what they make of bigint, bytea
 * and timestamps, and a JavaScript Date would lose the microseconds that are hashed.
 */
export const RECEIPT_COLUMNS = {
  seq: sql<string>`r.seq::text`,
  eventHash: sql<string>`pg_catalog.encode(r.event_hash, 'hex')`,
  chainHash: sql<string>`pg_catalog.encode(r.chain_hash, 'hex')`,
  appendedAt: sql<string>`pg_catalog.to_char(r.appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
};

/** A row of `RECEIPT_COLUMNS` as a receipt. */
export function toReceipt(row: { seq: string; eventHash: string; chainHash: string; appendedAt: string }): Receipt {
  return { seq: BigInt(row.seq), eventHash: row.eventHash, chainHash: row.chainHash, appendedAt: row.appendedAt };
}
