import { sqlState } from "@scidex/audit-core";
import { sql } from "drizzle-orm";
import type { AnyPgDatabase } from "./database.ts";

/** How a table's lock is waited for. */
export interface LockOptions {
  /** How long one attempt waits for running writers before it lets them pass, in milliseconds. */
  readonly lockTimeoutMs?: number;
  /** How often the lock is tried. */
  readonly attempts?: number;
}

export const LOCK_DEFAULTS = { lockTimeoutMs: 2_000, attempts: 30 } as const;

type Transaction = Parameters<Parameters<AnyPgDatabase["transaction"]>[0]>[0];

/**
 * Runs `work`, which takes a table's lock, in a transaction, and again after a pause when running writers kept it from
 * having it.
 */
export async function inLockedTransaction<T>(
  db: AnyPgDatabase,
  options: LockOptions,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const { lockTimeoutMs, attempts } = { ...LOCK_DEFAULTS, ...options };
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(
        async (tx) => {
          await tx.execute(sql`select pg_catalog.set_config('lock_timeout', ${`${lockTimeoutMs}ms`}, true)`);
          return await work(tx);
        },
        { isolationLevel: "read committed" },
      );
    } catch (error) {
      const state = sqlState(error);
      if ((state !== "55P03" && state !== "40P01") || attempt >= attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 400));
    }
  }
}
