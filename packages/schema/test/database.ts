import { createDatabase, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { type AnyPgDatabase, migrate } from "../src/index.ts";

/** A database with the schema set up, cloned from a template that the run shares. */
export async function chainDatabase(): Promise<TestDatabase & { readonly db: AnyPgDatabase }> {
  const database = await createDatabase({
    template: {
      name: "schema-tests",
      prepare: async (url) => {
        const client = postgres(url, { max: 1, onnotice: () => {} });
        await migrate(drizzle(client));
        await client.end();
      },
    },
  });
  return { ...database, db: drizzle(database.sql) };
}

/** A client of its own, closed by `await using`. */
export function connect(
  url: string,
  options: postgres.Options<Record<string, never>> = {},
): { sql: postgres.Sql; db: AnyPgDatabase; [Symbol.asyncDispose]: () => Promise<void> } {
  const sql = postgres(url, { max: 1, onnotice: () => {}, fetch_types: false, ...options });
  return { sql, db: drizzle(sql), [Symbol.asyncDispose]: async () => sql.end({ timeout: 1 }) };
}

/** The SQLSTATE with which `work` fails, or undefined if it does not. */
export async function stateOf(work: PromiseLike<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
    throw error;
  }
}

/** A text array as SQL writes it, for drivers that have not read the server's types. */
export const textArray = (values: readonly string[]): string =>
  `{${values.map((v) => `"${v.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`).join(",")}}`;
