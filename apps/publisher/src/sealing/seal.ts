import type { Sql } from "postgres";
import { PublisherError } from "../errors.ts";
import { describeHolders, freeLock, LOCK_IDLE_MS } from "./free-lock.ts";

/** How many rows one transaction seals: it holds the chain's lock for some 150 ms on two cores. */
export const SEAL_BATCH = 10_000;

export interface SealOptions {
  /** Rows a transaction; `SEAL_BATCH` if not given. */
  readonly batch?: number;
  /** How long whoever holds the chain's lock may be idle in his transaction, in milliseconds; `LOCK_IDLE_MS` if not given. */
  readonly lockIdleMs?: number | undefined;
  /** Told of a holder that was ended. */
  readonly onWarning?: ((message: string) => Promise<void> | void) | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (sealed: number) => void;
}

/**
 * Links what has been committed to `audit_chain_pending`, in batches, until nothing is left.
 *
 * @returns how many rows were dealt with, those that were set aside for a conflict included.
 * @throws {PublisherError} `database` when the function is not there or may not be called; `lock_held`
 *   when somebody holds the chain's lock for longer than `LOCK_WAIT` and was not to be ended; `aborted`
 */
export async function sealPending(sql: Sql, options: SealOptions = {}): Promise<number> {
  if (!(await maySeal(sql)))
    throw new PublisherError(
      "database",
      "public.audit_chain_seal(integer) is missing or may not be called: run audit-chain init, and grant scidex_audit_publisher to this user",
    );
  const batch = options.batch ?? SEAL_BATCH;
  let sealed = 0;
  for (;;) {
    if (options.signal?.aborted) throw new PublisherError("aborted", `stopped after sealing ${sealed} rows`);
    const count = await sealBatch(sql, batch, options);
    sealed += count;
    options.onProgress?.(sealed);
    // Less than a batch: whatever has come in since is the next call's. Waiting for an empty table could take for ever.
    if (count < batch) return sealed;
  }
}

/** How long one batch waits for the chain's lock, as `lock_timeout` takes it. */
const LOCK_WAIT = "10s";

async function sealBatch(sql: Sql, batch: number, options: SealOptions): Promise<number> {
  try {
    let sealed = 0;
    await sql.begin(async (tx) => {
      await tx.unsafe(`set local lock_timeout = '${LOCK_WAIT}'`);
      const [row] = await tx.unsafe<{ n: number }[]>("select public.audit_chain_seal($1::pg_catalog.int4) as n", [
        batch,
      ]);
      sealed = row?.n ?? 0;
    });
    return sealed;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "55P03") {
      const holders = await freeLock(sql, options.lockIdleMs ?? LOCK_IDLE_MS);
      for (const { message } of holders.filter(({ ended }) => ended)) await options.onWarning?.(message);
      if (holders.some(({ ended }) => ended)) return sealBatch(sql, batch, options);
      throw new PublisherError("lock_held", `nothing can be sealed: ${await describeHolders(sql)}`, { cause });
    }
    if (!(cause instanceof Error && "code" in cause && cause.code === "42P01")) throw cause;
    throw new PublisherError(
      "database",
      `${cause.message}: tables of the audit chain were dropped, as drizzle-kit push does with tables that it does not know. Restore them from a backup, and put AUDIT_TABLES_FILTER of @scidex/audit-schema into tablesFilter of drizzle.config.ts`,
      { cause },
    );
  }
}

/** Whether there is a sealing function, and whether this user may call it. */
export async function maySeal(sql: Sql): Promise<boolean> {
  const [row] = await sql.unsafe<{ may: boolean | null }[]>(
    `select pg_catalog.has_function_privilege(p.oid, 'execute') as may
       from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
      where n.oid = pg_catalog.to_regnamespace('public') and p.proname = 'audit_chain_seal'
        and p.proargtypes = '23'::pg_catalog.oidvector`,
  );
  return row?.may === true;
}
