import { setTimeout as sleep } from "node:timers/promises";
import { sha256 } from "@scidex/audit-core";
import type { Sql } from "postgres";
import { PublisherError } from "../errors.ts";
import { inTransaction } from "../transaction.ts";

const POLL_MS = 200;

/**
 * Lets one publisher of a log work at a time, through an advisory lock in the database, held by a transaction that does
 * nothing else. The server releases it when our process is gone, however it went, so a lock can't be left behind; and a
 * transaction, unlike a session, also holds it through a connection pooler. It keeps no snapshot, so it holds up no
 * vacuum.
 *
 * Anyone in the database can take such a lock and keep a publisher from working, which shows as `publisher_silent`; that
 * two publishers work all the same shows when the state file is saved.
 *
 * @throws {PublisherError} `busy` when it isn't free within `waitMs`; and whatever `work` throws
 */
export async function withPublisherLock<T>(
  sql: Sql,
  origin: string,
  options: { waitMs: number; signal: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const key = Buffer.from(sha256(`audit-chain publisher ${origin}`))
    .readBigInt64BE()
    .toString();
  return inTransaction(sql, "read only", async (tx) => {
    const deadline = performance.now() + options.waitMs;
    for (;;) {
      const [row] = await tx.unsafe<{ locked: boolean }[]>(
        "select pg_catalog.pg_try_advisory_xact_lock($1::pg_catalog.int8) as locked",
        [key],
      );
      if (row?.locked === true) return work();
      if (options.signal?.aborted) throw new PublisherError("aborted", "stopped while waiting for another publisher");
      if (performance.now() > deadline)
        throw new PublisherError(
          "busy",
          `another publisher of ${origin} is running (it holds the advisory lock ${key} of this database)`,
        );
      await sleep(POLL_MS);
    }
  });
}
