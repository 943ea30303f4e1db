import { migrate } from "@scidex/audit-schema";
import { createDatabase, type TestDatabase } from "@scidex/audit-testkit";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { type Ended, runCli, type RunOptions } from "./run-cli.ts";

/** A database in which the audit chain has been set up, and a way to run commands on it. */
export interface ChainDatabase extends TestDatabase {
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** A session of its own, in which a transaction can be left open; closed by `drop()`. */
  session(): postgres.Sql;
}

export async function chainDatabase(): Promise<ChainDatabase> {
  const database = await createDatabase({
    template: {
      name: "audit-chain-cli",
      prepare: async (url) => {
        const sql = postgres(url, { max: 1, onnotice: () => {} });
        await migrate(drizzle(sql));
        await sql.end();
      },
    },
  });
  const run = (args: readonly string[], options: RunOptions = {}): Promise<Ended> =>
    runCli(args, { ...options, env: { AUDIT_DATABASE_URL: database.url, ...options.env } });
  const sessions: postgres.Sql[] = [];
  const session = (): postgres.Sql => {
    const sql = postgres(database.url, { max: 1, onnotice: () => {} });
    sessions.push(sql);
    return sql;
  };
  const drop = async (): Promise<void> => {
    await Promise.all(sessions.map((sql) => sql.end({ timeout: 1 })));
    await database.drop();
  };
  return { ...database, run, session, drop, [Symbol.asyncDispose]: drop };
}
