import type { Sql } from "postgres";
import { chainTable } from "./chain-table.ts";
import type { BackfillOptions, BackfillResult, TableResult } from "./options.ts";
import { transaction } from "./session.ts";
import { incompleteTargets, partitionsOf, tableNumber, type Target, targetOf } from "./target.ts";

/**
 * Chains the rows that were in tables before they were attached, oldest first, and records that the tables are complete.
 *
 * Hashing and linking happen within the server, a statement and a transaction for each batch. Progress is nothing but
 * what is in the chain: a run can be killed at any moment and repeated, and several can go on at once, beside writers.
 *
 * @param sql a client of the `postgres` driver. Its role reads the tables as a whole and may chain their rows: a
 *   superuser, or whoever set up the chain and owns the tables
 * @throws {BackfillError}; the signal's reason; the driver's errors
 */
export async function backfill(sql: Sql, options: BackfillOptions = {}): Promise<BackfillResult> {
  const tables: TableResult[] = [];
  for (const { target, partitions } of await targets(sql, options))
    tables.push(await chainTable(sql, target, { ...options, partitions }));
  return { tables };
}

interface Wanted {
  readonly target: Target;
  /** As the catalog has them. */
  readonly partitions?: readonly string[] | undefined;
}

/** All names are looked up before anything is done. */
async function targets(sql: Sql, { tables, partitions, signal }: BackfillOptions): Promise<Wanted[]> {
  if (tables === undefined || tables.length === 0)
    return (await transaction(sql, incompleteTargets, signal)).map((target) => ({ target }));
  const found: Wanted[] = [];
  for (const name of tables) {
    // Outside our settings: a name without a schema means what it means in the caller's sessions.
    const relid = await sql.begin((tx) => tableNumber(tx, name));
    if (found.some(({ target }) => target.relid === relid)) continue;
    const target = await transaction(sql, (tx) => targetOf(tx, relid, name), signal);
    const parts = partitions && (await sql.begin((tx) => partitionsOf(tx, target, partitions)));
    found.push({ target, partitions: parts });
  }
  return found;
}
