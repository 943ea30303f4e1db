import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import type { Observations } from "./report/observations.ts";

/**
 * Waits until the capture process has linked what had been written when a look was taken, where that look has found
 * anything that may be no more than this. Nothing is believed of what the database says here: the next look reads the
 * position in its own snapshot. A wrong answer makes us wait, or not.
 *
 * @param until when waiting ends, by `performance.now`
 */
export async function untilLinked(
  sql: Sql,
  { stream, awaitsLinking }: Observations,
  until: number,
  passed: Promise<never>,
): Promise<void> {
  const written = stream?.writtenTo ?? null;
  if (!awaitsLinking || written === null) return;
  while (performance.now() < until) {
    const [row] = await Promise.race([
      sql.unsafe<{ is_linked: boolean }[]>(
        `select pg_catalog.max(p.linked_to) >= '0/0'::pg_catalog.pg_lsn + $1::pg_catalog.numeric as is_linked from only public.audit_chain_position as p`,
        [String(written)],
      ),
      passed,
    ]).catch(() => []);
    if (row?.is_linked !== false) return;
    await sleep(100);
  }
}
