import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";

/** A drizzle database or transaction of any PostgreSQL driver, with any schema. */
export type AnyPgDatabase = PgDatabase<PgQueryResultHKT, Record<string, unknown>>;
