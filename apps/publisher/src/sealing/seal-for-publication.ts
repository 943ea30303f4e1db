import type { Sql } from "postgres";
import { PublisherError } from "../errors.ts";
import { freeLock, type LockHolder } from "./free-lock.ts";
import { checkPendingAge, type Pending, readPending } from "./pending.ts";
import { maySeal, sealPending } from "./seal.ts";

export interface SealingOptions {
  /** How long whoever holds the chain's lock may be idle in his transaction, in milliseconds. */
  readonly lockIdleMs: number;
  /** How long a row may wait to be sealed, in milliseconds. */
  readonly maxPendingAgeMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a sealing before a publication came to. */
export interface Sealing {
  /** Rows sealed. */
  readonly sealed: number;
  /** Who held the chain's lock for longer than allowed. */
  readonly holders: readonly LockHolder[];
  /** What still waits; undefined where there is no table for it. */
  readonly pending: Pending | undefined;
  readonly warnings: readonly string[];
}

/**
 * Seals before a head is signed, where this login may, and looks at what still waits. Where the lock cannot be taken,
 * what is chained is signed all the same: how long rows wait has a bound of its own.
 *
 * @throws {PublisherError} `pending_too_old`; as `sealPending`, but for `lock_held`
 */
export async function sealForPublication(sql: Sql, options: SealingOptions): Promise<Sealing> {
  const holders = await freeLock(sql, options.lockIdleMs);
  const may = await maySeal(sql);
  const { sealed, warnings } = may ? await sealWhatCanBe(sql, options) : { sealed: 0, warnings: [] };
  const pending = await readPending(sql);
  checkPendingAge(pending, options.maxPendingAgeMs);
  return {
    sealed,
    holders,
    pending,
    warnings: [...warnings, ...holders.map(({ message }) => message), ...warningsOf(pending, may)],
  };
}

/** Seals until nothing is left, or until somebody keeps the lock. */
async function sealWhatCanBe(
  sql: Sql,
  { lockIdleMs, signal }: SealingOptions,
): Promise<{ sealed: number; warnings: readonly string[] }> {
  const warnings: string[] = [];
  let sealed = 0;
  try {
    await sealPending(sql, {
      lockIdleMs,
      onWarning: (message) => void warnings.push(message),
      onProgress: (rows) => void (sealed = rows),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (!(error instanceof PublisherError && error.code === "lock_held")) throw error;
    warnings.push(error.message);
  }
  return { sealed, warnings };
}

function warningsOf(pending: Pending | undefined, may: boolean): string[] {
  if (pending === undefined) return [];
  return [
    ...(!may && pending.rows > 0 ? ["rows wait to be sealed, and this user may not seal"] : []),
    ...(pending.setAside > 0
      ? [`${pending.setAside} pending rows are set aside: their events are chained with another hash`]
      : []),
  ];
}
