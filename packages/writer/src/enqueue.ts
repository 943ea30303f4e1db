import type { AnyPgDatabase } from "@scidex/audit-schema";
import { type ChainOptions, door } from "./door.ts";
import { writerError } from "./errors.ts";
import { type NewEvent, prepareEvent } from "./event.ts";
import { sqlEvent } from "./sql-values.ts";

/**
 * Hands an event to the sealer, in the caller's own transaction and without any lock: it is linked at the next sealing
 * after the commit, and until then nothing protects it. There is no receipt, because it has no place in the chain yet.
 * One that turns out to conflict with the chain is set aside and reported by `audit-chain status`.
 *
 * @throws {WriterError | CoreError} as `append`, but neither `conflict` nor `retry`
 */
export async function enqueue(tx: AnyPgDatabase, event: NewEvent, options: ChainOptions = {}): Promise<void> {
  const prepared = prepareEvent(event);
  const call = `${door("enqueue", options)}(${sqlEvent(prepared)})`;
  try {
    await tx.execute(`select ${call}`);
  } catch (error) {
    throw writerError(error);
  }
}
