import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";

/** Key of the advisory lock under which migrations run: the first 8 bytes of SHA-256("audit_chain_migrations"). */
const LOCK_KEY = sql.raw("-2779842539584520670");

/**
 * In some databases everyone may create objects in public. A function planted there, with the name of one of
 * PostgreSQL's own and a closer match for the arguments, would be called with the installer's rights. So public is not
 * on the path at all.
 */
export const SAFE_PATH = sql`set local search_path = pg_catalog, pg_temp`;

/** What a transaction that changes the schema begins with: set-ups of one database wait for each other. */
export async function beginSetUp(tx: AnyPgDatabase): Promise<void> {
  await tx.execute(sql`select pg_catalog.pg_advisory_xact_lock(${LOCK_KEY})`);
  await tx.execute(SAFE_PATH);
  await tx.execute(sql`set local client_min_messages = warning`);
}
