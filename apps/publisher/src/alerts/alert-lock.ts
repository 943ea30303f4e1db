import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sha256 } from "@scidex/audit-core";
import type { AlertLock } from "@scidex/audit-verifier/alerts";
import type { Sql } from "postgres";
import { inTransaction } from "../transaction.ts";

const POLL_MS = 100;

/** How much longer than asked we wait for a server that does not even answer. */
const GRACE_MS = 2_000;

/** How long to wait for another run that alerts, in milliseconds. */
export const ALERT_LOCK_WAIT_MS = 60_000;

/**
 * Keeps two runs that end at once from alerting the same twice. It is an advisory lock, which the server releases
 * whatever becomes of us. An attacker can take it, or end our session. So only a second alert depends on it, and this
 * never fails and never waits for longer than told.
 */
export async function acquireAlertLock(sql: Sql, memoryPath: string, waitMs: number): Promise<AlertLock> {
  const key = Buffer.from(sha256(`audit-chain alerts ${resolve(memoryPath)}`))
    .readBigInt64BE()
    .toString();
  const acquired = Promise.withResolvers<boolean>();
  const released = Promise.withResolvers<void>();
  const timer = new AbortController();
  const deadline = performance.now() + waitMs;
  void inTransaction(sql, "read only", async (tx) => {
    for (;;) {
      const [row] = await tx.unsafe<{ locked: boolean }[]>(
        "select pg_catalog.pg_try_advisory_xact_lock($1::pg_catalog.int8) as locked",
        [key],
      );
      if (row?.locked === true) break;
      if (performance.now() > deadline) return;
      await sleep(POLL_MS);
    }
    acquired.resolve(true);
    await released.promise;
  }).then(
    () => acquired.resolve(false),
    () => acquired.resolve(false),
  );
  const late = sleep(waitMs + GRACE_MS, false, { signal: timer.signal }).catch(() => false);
  const isHeld = await Promise.race([acquired.promise, late]);
  timer.abort();
  return { isHeld, release: () => released.resolve() };
}
