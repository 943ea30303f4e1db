import { sql } from "drizzle-orm";
import { type AttachResult, resultOf } from "./attach-result.ts";
import type { AnyPgDatabase } from "./database.ts";
import { inLockedTransaction, type LockOptions } from "./locked-transaction.ts";

/**
 * Takes in what a migration has changed of an attached table, in a transaction of its own. In a migration's transaction
 * `select audit_chain_sync('orders'::regclass)` does the same, as its last statement.
 *
 * @param table the table's name as SQL writes it, with its schema where it is not on the search path
 * @throws the database's error:
 * - `AC002` not attached;
 * - `AC005` no usable key any more;
 * - `55P03` the table's lock could not be taken
 */
export async function sync(db: AnyPgDatabase, table: string, options: LockOptions = {}): Promise<AttachResult> {
  return await inLockedTransaction(db, options, async (tx) =>
    resultOf(
      await tx
        .select({ result: sql<AttachResult | string>`a.result` })
        .from(sql`(select public.audit_chain_sync(${table}::regclass) as result) as a`),
    ),
  );
}

/**
 * Records that an attached table has been dropped.
 *
 * @param kind the kind of its events
 * @throws the database's error: `AC002` no table is attached under this kind; `55006` it is there
 */
export async function dropped(db: AnyPgDatabase, kind: string): Promise<void> {
  await db.execute(sql`select public.audit_chain_dropped(${kind})`);
}
