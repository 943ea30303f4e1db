import { jsonInteger } from "@scidex/audit-core";
import type { AnyPgDatabase } from "@scidex/audit-schema";
import { type SQL, sql } from "drizzle-orm";
import { WriterError } from "./errors.ts";

/**
 * What was recorded, to be logged and compared. `JSON.stringify` takes it, and writes the seq as a number up to 2^53 - 1
 * and as decimal text beyond. A copy by spread has a bigint like any other, which JSON does not take: nest the receipt,
 * `{ user, receipt }`.
 */
export interface Receipt {
  /** Position in the chain: 1, 2, 3 … */
  readonly seq: bigint;
  /** SHA-256 over kind, key, hashes and time: 64 lower-case hex digits (core's `fromHex` gives the bytes). */
  readonly eventHash: string;
  /** SHA-256 over the chain hash before, the event hash and the seq: 64 lower-case hex digits. */
  readonly chainHash: string;
  /** When it was linked, by the database's clock: `YYYY-MM-DDTHH:MM:SS.ffffffZ`. */
  readonly appendedAt: string;
}

/**
 * What to select of a door's rows. Everything is text: drivers differ in what they make of bigint, bytea and timestamps,
 * and a JavaScript Date would lose the microseconds that are hashed.
 */
const SELECT = `select r.seq::text as seq, pg_catalog.encode(r.event_hash, 'hex') as event_hash,
  pg_catalog.encode(r.chain_hash, 'hex') as chain_hash,
  pg_catalog.to_char(r.appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as appended_at from`;

/**
 * Calls a door that returns rows of `audit_chain`. Not with drizzle's query builder, which took half of the client's time
 * for a single event.
 *
 * @param call an SQL expression
 * @returns a receipt for each row, in their order
 */
export async function receiptsOf(tx: AnyPgDatabase, call: SQL | string): Promise<Receipt[]> {
  const query = typeof call === "string" ? `${SELECT} ${call} as r` : sql`${sql.raw(SELECT)} ${call} as r`;
  const result: unknown = await tx.execute(query);
  // Some drivers' results are the rows, the others' have them.
  const rows = (Array.isArray(result) ? result : (result as { rows: unknown }).rows) as object[];
  return rows.map((row) => {
    // By position: a client can be set up to give columns other names.
    const texts: unknown[] = Object.values(row);
    const [seq = "", eventHash = "", chainHash = "", appendedAt = ""] = texts.filter(
      (text) => typeof text === "string",
    );
    if (appendedAt === "")
      throw new WriterError("database", `the append door returned ${JSON.stringify(texts)} where four texts belong`);
    return receiptFrom({ seq: BigInt(seq), eventHash, chainHash, appendedAt });
  });
}

/** Its `toJSON` is hidden, so that it equals a plain object of the same members, and can be cloned. */
function receiptFrom(members: Receipt): Receipt {
  return Object.defineProperty(members, "toJSON", { value: toJson, configurable: true, writable: true });
}

function toJson(this: Receipt): object {
  return { ...this, seq: jsonInteger(this.seq) };
}
