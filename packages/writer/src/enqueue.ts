import type { AnyPgDatabase } from "@scidex/audit-schema";
import { sql } from "drizzle-orm";
import { writerError } from "./errors.ts";
import { type NewEvent, prepareEvent } from "./event.ts";

/**
 * Hands an event to the sealer, in the caller's own transaction and without any lock: it is linked at the next sealing
 * after the commit, and until then nothing protects it. There is no receipt, because it has no place in the chain yet.
 * One that turns out to conflict with the chain is set aside and reported by `audit-chain status`.
 *
 * @throws WriterError and CoreError as `append`, but neither `conflict` nor `retry`
 */
export async function enqueue(tx: AnyPgDatabase, event: NewEvent): Promise<void> {
  const { kind, pk, hash } = prepareEvent(event);
  try {
    await tx
      .select({ done: sql`1` })
      .from(sql`public.audit_chain_enqueue(${kind}::text, ${pk}::text, pg_catalog.decode(${hash}::text, 'hex')) as r`);
  } catch (error) {
    throw writerError(error);
  }
}
