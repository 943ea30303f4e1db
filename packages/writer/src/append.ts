import type { AnyPgDatabase } from "@scidex/audit-schema";
import { type ChainOptions, door } from "./door.ts";
import { WriterError, writerError } from "./errors.ts";
import { type NewEvent, prepareEvent } from "./event.ts";
import { type Receipt, receiptsOf } from "./receipt.ts";
import { sqlEvent } from "./sql-values.ts";

/**
 * Records an event that has no table, in the caller's own transaction: it is in the chain if and when that commits.
 * The same event again, with the same payload, returns the link that is there.
 *
 * The chain's lock is held until the transaction ends, and everyone else who records waits for it: call it last.
 *
 *     await db.transaction(async (tx) => {
 *       await tx.insert(models).values(model);
 *       const receipt = await append(tx, { kind: "model_release", pk: model.id, payload: model });
 *     });
 *
 * @param tx a drizzle transaction of any PostgreSQL driver, or a database, where it is a transaction of its own
 * @param options the schema of a chain that is not in `public`
 * @throws {WriterError} `bad_event`, `conflict`, `reserved_kind`, `retry` (never under READ COMMITTED; `withRetry` helps),
 *   and what every statement can run into; CoreError `json_…` for a payload without a canonical form. Nothing is recorded
 *   then.
 */
export async function append(tx: AnyPgDatabase, event: NewEvent, options: ChainOptions = {}): Promise<Receipt> {
  const prepared = prepareEvent(event);
  const call = `${door("append", options)}(${sqlEvent(prepared)})`;
  try {
    const [receipt] = await receiptsOf(tx, call);
    if (receipt === undefined) throw new WriterError("database", "the append door returned no row");
    return receipt;
  } catch (error) {
    throw writerError(error);
  }
}
