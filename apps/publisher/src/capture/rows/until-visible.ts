import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";

const PAUSE_MS = 5;

/**
 * Waits until others see what a transaction has done. The server sends it as soon as its commit is in the log, and that is
 * earlier: whoever looks at once does not find a partition that it has made, and would pass over what it has put there.
 *
 * @param xid its number, 32 bits; the one that is nearest to those of now
 */
export async function untilVisible(sql: Sql, xid: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const [row] = await sql.unsafe<{ visible: boolean }[]>(
      `select pg_catalog.pg_visible_in_snapshot(
                (n.xmax + ($1::pg_catalog.text::pg_catalog.int8 - n.xmax % 4294967296 + 6442450944) % 4294967296 - 2147483648)::pg_catalog.text::pg_catalog.xid8, n.s) as visible
         from (select s.now as s, pg_catalog.pg_snapshot_xmax(s.now)::pg_catalog.text::pg_catalog.int8 as xmax
                 from pg_catalog.pg_current_snapshot() as s(now)) as n`,
      [String(xid)],
    );
    if (row?.visible === true) return;
    await sleep(PAUSE_MS, undefined, { signal });
  }
}
