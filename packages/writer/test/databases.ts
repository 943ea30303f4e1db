import { PGlite } from "@electric-sql/pglite";
import { type AnyPgDatabase, migrate } from "@scidex/audit-schema";
import { createDatabase, type Template } from "@scidex/audit-testkit";
import { drizzle as overPg } from "drizzle-orm/node-postgres";
import { drizzle as overPglite } from "drizzle-orm/pglite";
import { drizzle as overPostgres } from "drizzle-orm/postgres-js";
import { Pool } from "pg";
import postgres from "postgres";

/** A database with the audit chain in it. */
export const CHAIN: Template = {
  name: "writer-chain",
  prepare: async (url) => {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await migrate(overPostgres(sql));
    await sql.end();
  },
};

/** A database of its own for one test file, over one driver. */
export interface Opened {
  readonly db: AnyPgDatabase;
  close(): Promise<void>;
}

/** The same database over each driver that drizzle has for a real PostgreSQL, and PGlite. */
export const DRIVERS: Readonly<Record<"postgres" | "pg" | "PGlite", () => Promise<Opened>>> = {
  postgres: async () => {
    const database = await createDatabase({ template: CHAIN });
    const client = postgres(database.url, { max: 20, onnotice: () => {} });
    return {
      db: overPostgres(client),
      close: async () => {
        await client.end({ timeout: 1 });
        await database.drop();
      },
    };
  },
  pg: async () => {
    const database = await createDatabase({ template: CHAIN });
    const pool = new Pool({ connectionString: database.url, max: 20 });
    // pg says on the client, too, that a connection is gone; nobody listening would end the process.
    pool.on("error", () => {});
    pool.on("connect", (client) => client.on("error", () => {}));
    return {
      db: overPg(pool),
      close: async () => {
        await pool.end();
        await database.drop();
      },
    };
  },
  PGlite: async () => {
    const client = await PGlite.create();
    const db = overPglite(client);
    await migrate(db);
    return { db, close: () => client.close() };
  },
};

/** Those that have more than one connection. */
export const SERVERS = [
  ["postgres", DRIVERS.postgres],
  ["pg", DRIVERS.pg],
] as const;
