import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "../database.ts";
import { SAFE_PATH } from "./begin-set-up.ts";

/** Tables that drizzle-kit writes have no schema in front of their names. */
const UNQUALIFIED = /^(CREATE|ALTER) (TABLE|INDEX|UNIQUE INDEX) "/;

/** Runs a statement of a migration. */
export async function runStatement(tx: AnyPgDatabase, statement: string): Promise<void> {
  const isUnqualified = UNQUALIFIED.test(statement);
  if (isUnqualified) await tx.execute(sql`set local search_path = public, pg_temp`);
  await tx.execute(sql.raw(statement));
  if (isUnqualified) await tx.execute(SAFE_PATH);
}
