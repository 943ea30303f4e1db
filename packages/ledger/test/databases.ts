import { join } from "node:path";
import { createDatabase } from "@scidex/audit-testkit";
import Database from "better-sqlite3";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { type Ledger, openLedger, postgresEvents } from "../src/index.ts";
import { POSTGRES_TABLE } from "../src/store/postgres-table.ts";
import { asEvent, copyOfPythonFile, newFolder, vectors } from "./vectors.ts";

/** An empty ledger of the test's own, and a way around its front door. */
export interface TestLedger {
  readonly location: string;
  readonly ledger: Ledger;
  /** Runs SQL as someone with full write authority; parameters are written `$1` or `?`. */
  attack(sql: string, ...params: (string | number | null | Buffer)[]): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export const DIALECTS = ["sqlite", "postgresql"] as const;
export type Dialect = (typeof DIALECTS)[number];

export async function newLedger(dialect: Dialect): Promise<TestLedger> {
  return dialect === "sqlite" ? onSqlite(join(newFolder(), "ledger.db")) : onPostgres();
}

/** A ledger that holds the 120 rows that Python wrote. */
export async function pythonLedger(dialect: Dialect): Promise<TestLedger> {
  if (dialect === "sqlite") return onSqlite(copyOfPythonFile());
  const made = await onPostgres();
  const client = postgres(made.location, { max: 1 });
  await client.unsafe(POSTGRES_TABLE);
  await drizzle(client).insert(postgresEvents).values(vectors.rows.map(asEvent));
  await client.end();
  return made;
}

function onSqlite(location: string): TestLedger {
  const ledger = openLedger(location);
  let raw: Database.Database | undefined;
  return {
    location,
    ledger,
    attack: async (sql, ...params) => {
      if (raw === undefined) {
        raw = new Database(location, { timeout: 10_000 });
        // Thousands of changes are made and taken back; none has to survive a power cut.
        raw.pragma("synchronous = off");
      }
      const statement = raw.prepare<unknown[], Record<string, unknown>>(sql);
      if (statement.reader) return statement.all(...params);
      statement.run(...params);
      return [];
    },
    close: async () => {
      raw?.close();
      await ledger.close();
    },
  };
}

async function onPostgres(): Promise<TestLedger> {
  const database = await createDatabase();
  const ledger = openLedger(database.url);
  return {
    location: database.url,
    ledger,
    attack: async (sql, ...params) => {
      let n = 0;
      return database.sql.unsafe(
        sql.replace(/\?/g, () => `$${(n += 1)}`),
        params,
      );
    },
    close: async () => {
      await ledger.close();
      await database.drop();
    },
  };
}
