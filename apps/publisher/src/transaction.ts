import { TEXT_SETTINGS } from "@scidex/audit-core";
import type { Sql, TransactionSql } from "postgres";

/**
 * Settings under which every name means what PostgreSQL means by it, and every value has one text. No time limit of the
 * role or the database ends a long first publication, or the transaction that holds the lock. Only waiting for a lock
 * has an end.
 */
const SETTINGS = [
  ...TEXT_SETTINGS,
  // An error rather than a filtered answer.
  "row_security = off",
  "statement_timeout = 0",
  "idle_in_transaction_session_timeout = 0",
  "lock_timeout = '60s'",
];

/** How a transaction is begun. */
export type TransactionMode =
  | "isolation level read committed read write"
  | "read write"
  | "read only"
  | "isolation level repeatable read read only";

/**
 * Runs a transaction with the settings above, for it alone. Nothing in it takes a snapshot before `work` does: SET is
 * no query.
 */
export async function inTransaction<T>(
  sql: Sql,
  mode: TransactionMode,
  work: (tx: TransactionSql) => Promise<T>,
): Promise<T> {
  const settings = (await hasTransactionTimeout(sql)) ? [...SETTINGS, "transaction_timeout = 0"] : SETTINGS;
  let result: { value: T } | undefined;
  await sql.begin(mode, async (tx) => {
    // Sent together with the first statement of `work`, which fails where this does.
    const set = tx.unsafe(settings.map((setting) => `set local ${setting}`).join("; "));
    const [value] = await Promise.all([work(tx), set]);
    result = { value };
  });
  if (result === undefined) throw new Error("the transaction ended without a result");
  return result.value;
}

const limited = new WeakMap<Sql, Promise<boolean>>();

/** Newer servers have one more limit, which older ones would not understand. */
function hasTransactionTimeout(sql: Sql): Promise<boolean> {
  const known = limited.get(sql) ?? askForTransactionTimeout(sql);
  limited.set(sql, known);
  known.catch(() => limited.delete(sql));
  return known;
}

async function askForTransactionTimeout(sql: Sql): Promise<boolean> {
  const [row] = await sql.unsafe<{ limited: boolean }[]>(
    "select pg_catalog.current_setting('transaction_timeout', true) is not null as limited",
  );
  return row?.limited === true;
}
