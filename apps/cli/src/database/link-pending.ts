import type { Sql } from "postgres";

/** Some 100 ms under the chain's lock. */
const BATCH_ROWS = 5_000;

/**
 * Links what waits to be linked, in short transactions. Whatever changes a table's configuration links the rest of it, while the
 * table's writers wait.
 */
export async function linkPending(sql: Sql, signal: AbortSignal): Promise<void> {
  let linked = BATCH_ROWS;
  while (linked === BATCH_ROWS) {
    signal.throwIfAborted();
    const [row] = await sql<{ linked: number }[]>`select public.audit_chain_seal(${BATCH_ROWS}) as linked`;
    linked = row?.linked ?? 0;
  }
}
