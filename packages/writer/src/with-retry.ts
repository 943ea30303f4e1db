import { setTimeout as sleep } from "node:timers/promises";
import type { TablesRelationalConfig } from "drizzle-orm";
import type { PgDatabase, PgQueryResultHKT, PgTransaction, PgTransactionConfig } from "drizzle-orm/pg-core";
import { atLeast } from "./at-least.ts";
import { writerError } from "./errors.ts";

/** How often something is tried, and how long it waits in between. */
export interface RetryLimits {
  /** How often the transaction is run at most, the first time included. */
  readonly attempts?: number;
  /**
   * How long it waits at most before the second attempt, in milliseconds. The bound doubles with each further one; how
   * long it waits below that is left to chance, so that those who met once do not meet again.
   */
  readonly delayMs?: number;
  /** How long it waits at most before any attempt, in milliseconds. */
  readonly maxDelayMs?: number;
}

export interface RetryOptions extends RetryLimits {
  /** drizzle's own: `isolationLevel`, `accessMode`, `deferrable`. The database's defaults if not given. */
  readonly transaction?: PgTransactionConfig;
}

/** Altogether it waits some 1.6 s, where every attempt fails. */
export const RETRY_DEFAULTS = { attempts: 10, delayMs: 20, maxDelayMs: 640 } as const;

/**
 * Runs `db.transaction(work)`, and again where it fails with what the same transaction again can get over: a failed
 * serialization (SQLSTATE `40001`), a deadlock (`40P01`), a lock not had in time (`55P03`). These are WriterErrors with
 * the code `retry`, and errors of the driver or of drizzle with such a state, also as the cause of another error. Nothing
 * of a failed attempt is in the database, whether a statement has failed or the commit.
 *
 *     const receipt = await withRetry(
 *       db,
 *       async (tx) => {
 *         await tx.insert(models).values(model);
 *         return await append(tx, { kind: "model_release", pk: model.id, payload: model });
 *       },
 *       { transaction: { isolationLevel: "serializable" } },
 *     );
 *
 * Every other error is passed on at once. So is a lost connection: the transaction may have been committed.
 *
 * @param db a database, not a transaction: a savepoint that is tried again keeps the old snapshot
 * @param work is run once for each attempt: what it does outside of the transaction, it does each time
 * @throws what the last attempt has failed with; RangeError for an option that is not a positive number
 */
export async function withRetry<
  Result extends PgQueryResultHKT,
  FullSchema extends Record<string, unknown>,
  Schema extends TablesRelationalConfig,
  T,
>(
  db: PgDatabase<Result, FullSchema, Schema>,
  work: (tx: PgTransaction<Result, FullSchema, Schema>) => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  return await retrying(() => db.transaction(work, options.transaction), options);
}

/** Runs something until it succeeds, fails with another error than `retry`, or has been tried often enough. */
export async function retrying<T>(run: () => Promise<T>, limits: RetryLimits): Promise<T> {
  const attempts = atLeast(1, "attempts", limits.attempts ?? RETRY_DEFAULTS.attempts);
  const delayMs = atLeast(0, "delayMs", limits.delayMs ?? RETRY_DEFAULTS.delayMs);
  const maxDelayMs = atLeast(0, "maxDelayMs", limits.maxDelayMs ?? RETRY_DEFAULTS.maxDelayMs);
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt >= attempts || writerError(error).code !== "retry") throw error;
      await sleep(Math.random() * Math.min(maxDelayMs, delayMs * 2 ** (attempt - 1)));
    }
  }
}
