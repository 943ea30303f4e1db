import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { sealPending } from "./seal.ts";

const LONGEST_PAUSE_MS = 60_000;

export interface SealLoopOptions {
  /** Rows a transaction. */
  readonly batch: number;
  /** The pause between two looks, in milliseconds; doubled after each failure, up to a minute. */
  readonly intervalMs: number;
  readonly lockIdleMs: number;
  readonly signal: AbortSignal;
  /** Called when somebody was ended who held the chain's lock. */
  readonly onWarning: (message: string) => Promise<void> | void;
  /** Called after each look that went well, with the number of rows that it sealed. */
  readonly onLooked?: (rows: number, durationMs: number) => Promise<void>;
  /** Called when rows were sealed. */
  readonly onSealed: (rows: number, durationMs: number) => Promise<void>;
  /** Called when it failed, with the pause before the next attempt in milliseconds. */
  readonly onFailure: (error: unknown, pauseMs: number) => Promise<void>;
}

/**
 * Seals until the signal comes, also through restarts of the server: staged rows wait meanwhile, and publishing says
 * when they have waited for too long.
 */
export async function sealLoop(sql: Sql, options: SealLoopOptions): Promise<void> {
  const { batch, intervalMs, lockIdleMs, onWarning, signal } = options;
  let pause = intervalMs;
  while (!signal.aborted) {
    const started = performance.now();
    try {
      const sealed = await sealPending(sql, { batch, lockIdleMs, onWarning, signal });
      await options.onLooked?.(sealed, performance.now() - started);
      if (sealed > 0) await options.onSealed(sealed, performance.now() - started);
      pause = intervalMs;
    } catch (error) {
      if (signal.aborted) return;
      pause = Math.max(intervalMs, Math.min(pause * 2, LONGEST_PAUSE_MS));
      await options.onFailure(error, pause);
    }
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
}
