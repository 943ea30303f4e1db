import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";

/**
 * Waits until the capture process has linked what had been written when a look was taken. Nothing is believed of what the
 * database says here: the next look reads the position in its own snapshot. A wrong answer makes us wait, or not.
 *
 * @param written up to where the log was written; null where nothing is to be waited for
 * @param until when waiting ends, by `performance.now`
 * @returns whether it says that all of that is linked
 */
export async function untilLinked(
  sql: Sql,
  written: bigint | null,
  until: number,
  passed: Promise<never>,
): Promise<boolean> {
  if (written === null) return true;
  for (;;) {
    const [row] = await Promise.race([
      sql.unsafe<{ is_linked: boolean }[]>(
        `select pg_catalog.max(p.linked_to) >= '0/0'::pg_catalog.pg_lsn + $1::pg_catalog.numeric as is_linked from only public.audit_chain_position as p`,
        [String(written)],
      ),
      passed,
    ]).catch(() => []);
    if (row?.is_linked !== false) return row?.is_linked === true;
    if (performance.now() >= until) return false;
    await sleep(100);
  }
}
