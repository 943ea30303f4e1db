import type { Sql } from "postgres";
import type { Lsn } from "../pgoutput/lsn.ts";
import { lsnOf } from "./position.ts";

/** Up to where the log is written, be it on the disk yet or not. */
export async function readLogEnd(sql: Sql): Promise<Lsn> {
  const [row] = await sql.unsafe<{ lsn: string }[]>(
    "select pg_catalog.pg_current_wal_insert_lsn()::pg_catalog.text as lsn",
  );
  return lsnOf(row?.lsn ?? "");
}

/** How long a place that only our own writing has moved is left unwritten, in milliseconds: at first, and in long silence. */
const FIRST_QUIET_MS = 1_000;
const LONGEST_QUIET_MS = 20_000;

/** How often it is looked whether something of the log is not sent. */
const LOOK_EVERY_MS = 250;

/**
 * Tells the log that others write from what our own writing of the place adds to it. Whoever waits until all is linked, a
 * verification or an attach, waits for the place to be written: soon after something has happened, seldom in a long silence,
 * since each time adds to the log again.
 */
export class LogEnd {
  #own: Lsn = 0n;
  #writtenMs = performance.now();
  #quietMs = FIRST_QUIET_MS;
  #unsent: Lsn | undefined;
  #lookedMs = performance.now();

  /** Whether the place is to be written when it could be moved there. */
  isDue(place: Lsn): boolean {
    return place > this.#own || performance.now() - this.#writtenMs >= this.#quietMs;
  }

  /** The place was written, and is there. */
  async wrote(sql: Sql, place: Lsn): Promise<void> {
    this.#quietMs = place > this.#own ? FIRST_QUIET_MS : Math.min(4 * this.#quietMs, LONGEST_QUIET_MS);
    this.#own = await readLogEnd(sql);
    this.#writtenMs = performance.now();
  }

  /**
   * Gets what lies in the server's memory written, and so sent. What no commit has waited for, such as what a reader has noted
   * on a page, may lie there for a quarter of a minute, and a page's header counts as written before it is: until then nobody
   * could be told that all is linked.
   */
  async nudge(sql: Sql, sentUpTo: Lsn): Promise<void> {
    if (performance.now() - this.#lookedMs < LOOK_EVERY_MS) return;
    this.#lookedMs = performance.now();
    if (this.#unsent !== undefined && this.#unsent > sentUpTo)
      // One statement, and so a transaction whose commit waits for the disk.
      await sql.unsafe(
        "select pg_catalog.set_config('synchronous_commit', 'on', true), pg_catalog.pg_logical_emit_message(true, 'audit-chain', 'capture')",
      );
    const end = await readLogEnd(sql);
    this.#unsent = end > this.#own && end > sentUpTo ? end : undefined;
  }
}
