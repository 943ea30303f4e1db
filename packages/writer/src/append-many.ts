import type { AnyPgDatabase } from "@scidex/audit-schema";
import { sql } from "drizzle-orm";
import { type ChainOptions, door } from "./door.ts";
import { WriterError, writerError } from "./errors.ts";
import { type NewEvent, type PreparedEvent, prepareEvent } from "./event.ts";
import { type Receipt, receiptsOf } from "./receipt.ts";

/** How many events go into one statement. More than that are several statements, all or none of them. */
export const MAX_EVENTS_PER_STATEMENT = 10_000;

/**
 * Records many events in one statement, in the order given, all or none of them; else as `append`.
 *
 * @returns a receipt for each event, in the same order
 * @throws as `append`; every event is checked before anything is sent
 */
export async function appendMany(
  tx: AnyPgDatabase,
  events: readonly NewEvent[],
  options: ChainOptions = {},
): Promise<Receipt[]> {
  const prepared = events.map(prepareEvent);
  try {
    if (prepared.length <= MAX_EVENTS_PER_STATEMENT) return await appendPrepared(tx, prepared, options);
    return await tx.transaction(async (inner) => {
      const receipts: Receipt[] = [];
      for (let start = 0; start < prepared.length; start += MAX_EVENTS_PER_STATEMENT) {
        const chunk = await appendPrepared(inner, prepared.slice(start, start + MAX_EVENTS_PER_STATEMENT), options);
        for (const receipt of chunk) receipts.push(receipt);
      }
      return receipts;
    });
  } catch (error) {
    throw writerError(error);
  }
}

/** One statement. Errors are the driver's. */
export async function appendPrepared(
  tx: AnyPgDatabase,
  events: readonly PreparedEvent[],
  options: ChainOptions,
): Promise<Receipt[]> {
  if (events.length === 0) return [];
  const kinds = arrayText(events.map((event) => event.kind));
  const pks = arrayText(events.map((event) => event.pk));
  const hashes = arrayText(events.map((event) => `\\x${event.hash}`));
  const rows = sql`${sql.raw(door("append_many", options))}(${kinds}::text::text[], ${pks}::text::text[], ${hashes}::text::bytea[])`;
  const receipts = await receiptsOf(tx, rows);
  if (receipts.length !== events.length) {
    throw new WriterError("database", `the append door returned ${receipts.length} rows for ${events.length} events`);
  }
  return receipts;
}

/** An array as PostgreSQL reads it from text, since drivers differ in how they send arrays. */
function arrayText(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, "\\$&")}"`).join(",")}}`;
}
