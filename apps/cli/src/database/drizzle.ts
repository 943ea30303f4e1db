import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import type { Database } from "./database.ts";

/**
 * The connection as the packages of the schema and of the writer take it. In a file of its own, because drizzle takes twice
 * as long to load as all else that a command needs (0.8 s of a processor beside 0.35 s): who does not need it does not wait.
 */
export const drizzleOf = ({ sql }: Pick<Database, "sql">): PostgresJsDatabase => drizzle(sql);
