import { setTimeout as sleep } from "node:timers/promises";
import { sqlState, TEXT_SETTINGS } from "@scidex/audit-core";
import type { Sql, TransactionSql } from "postgres";
import { BackfillError } from "./errors.ts";

/**
 * Under which a row's text is what capture hashes, whatever the session's own settings are. A policy makes an error
 * instead of silently fewer rows. Whoever waits for a table's lock makes all its writers wait behind: not for long.
 */
const SETTINGS = [
  ...TEXT_SETTINGS,
  "row_security = off",
  "lock_timeout = '2s'",
  "statement_timeout = 0",
  // Keys that wait for the sealer are held against each row's in a hash table, which must be thought to fit.
  "work_mem = '64MB'",
];

const SET_ALL = SETTINGS.map((setting) => `set local ${setting}`).join("; ");

/** How often a transaction is tried again when it cannot get its locks; some two minutes. */
export const ATTEMPTS = 60;

const PASSING = new Set(["40001", "40P01", "55P03"]);

/** A READ COMMITTED transaction under the settings of capture, repeated while it cannot get its locks. */
export async function transaction<T>(
  sql: Sql,
  work: (tx: TransactionSql) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      const result = await sql.begin("isolation level read committed", async (tx) => {
        await tx.unsafe(SET_ALL);
        return { value: await work(tx) };
      });
      return result.value;
    } catch (error) {
      const state = sqlState(error);
      if (state === undefined || !PASSING.has(state)) throw explained(error, state);
      if (attempt >= ATTEMPTS) {
        throw new BackfillError(
          "busy",
          `could not get a lock in ${attempt} attempts: a transaction that goes on for minutes is in the way (audit-chain status says who holds the chain's lock); run the backfill again when it has ended`,
          { cause: error },
        );
      }
      await sleep(50 + Math.random() * 500, undefined, { signal });
    }
  }
}

function explained(error: unknown, state: string | undefined): unknown {
  if (!(error instanceof Error)) return error;
  if (state === "42501") {
    const needed =
      "the backfill needs a login that owns the table, that row security hides no rows from, and that set up the chain; " +
      "or a superuser";
    return new BackfillError("no_right", `${error.message}: ${needed}`, { cause: error });
  }
  if (state === "42P01" && /audit_chain/.test(error.message)) {
    return new BackfillError("not_set_up", `${error.message}: run audit-chain init first`, { cause: error });
  }
  return error;
}
