import { type AnyPgDatabase, migrate } from "@scidex/audit-schema";
import { createDatabase, type EmbeddedServer, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres, { type Sql } from "postgres";

/** A client that `await using` closes. */
export interface Client extends Sql {
  [Symbol.asyncDispose](): Promise<void>;
}

/** A client as the tests use it: few connections, notices dropped, no query for custom types at connect. */
export function connect(url: string, options: postgres.Options<Record<string, never>> = {}): Client {
  const sql = postgres(url, { max: 1, connect_timeout: 10, fetch_types: false, onnotice: () => {}, ...options });
  return Object.assign(sql, { [Symbol.asyncDispose]: async () => await sql.end({ timeout: 1 }) });
}

/** A database with the chain set up and nothing attached. */
export interface AuditedDatabase extends TestDatabase {
  readonly db: AnyPgDatabase;
}

/** On `server`, or on the one that the tests of this run share. */
export async function openAuditedDatabase(server?: EmbeddedServer): Promise<AuditedDatabase> {
  const database = await createDatabase({
    ...(server === undefined ? {} : { server }),
    template: {
      name: "acceptance",
      prepare: async (url) => {
        await using sql = connect(url);
        await migrate(drizzle(sql));
      },
    },
  });
  return { ...database, db: drizzle(database.sql) };
}
