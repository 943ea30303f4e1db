import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { quantile } from "../measure.ts";

export interface Paced {
  /** Transactions a second that were done. */
  readonly rate: number;
  /** How long 95 of 100 took at most, in milliseconds. */
  readonly p95: number;
}

/**
 * All clients together begin `rate` transactions a second, for `ms` milliseconds, whether those before are done or not: one
 * that has to wait for its client has been waiting since then.
 */
export async function paced(
  clients: readonly Sql[],
  { rate, ms }: { readonly rate: number; readonly ms: number },
  transaction: (client: Sql) => Promise<unknown>,
): Promise<Paced> {
  const step = (clients.length / rate) * 1_000;
  const start = performance.now();
  const latencies: number[] = [];
  await Promise.all(
    clients.map(async (client, n) => {
      let ended = start;
      for (let due = start + (n / clients.length) * step; due < start + ms && ended < start + ms; due += step) {
        const early = due - performance.now();
        if (early > 0) await sleep(early);
        // The timer's lateness is not the server's.
        const begun = ended > due ? due : performance.now();
        await transaction(client);
        ended = performance.now();
        latencies.push(ended - begun);
      }
    }),
  );
  return { rate: latencies.length / (ms / 1_000), p95: quantile(latencies, 0.95) };
}
