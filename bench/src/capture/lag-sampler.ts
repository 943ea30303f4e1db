import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";

const EVERY_MS = 20;

/** Looks again and again for how long the oldest place of the write-ahead log that is not linked has been there. */
export class LagSampler {
  readonly #lags: number[] = [];
  #isOn = true;
  readonly #ended: Promise<void>;

  private constructor(sql: Sql) {
    this.#ended = this.#sample(sql);
  }

  static start(sql: Sql): LagSampler {
    return new LagSampler(sql);
  }

  /** Ends, and returns what was seen, in milliseconds. */
  async stop(): Promise<readonly number[]> {
    this.#isOn = false;
    await this.#ended;
    return this.#lags;
  }

  async #sample(sql: Sql): Promise<void> {
    let waiting: { readonly end: bigint; readonly at: number }[] = [];
    while (this.#isOn) {
      const at = performance.now();
      const [row] = await sql<{ end: string; linked: string }[]>`
        select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text as end, (p.linked_to - '0/0'::pg_lsn)::text as linked
          from audit_chain_position as p order by p.id desc limit 1`;
      const linked = BigInt(row?.linked ?? 0);
      waiting = waiting.filter(({ end }) => end > linked);
      this.#lags.push(waiting[0] === undefined ? 0 : performance.now() - waiting[0].at);
      waiting.push({ end: BigInt(row?.end ?? 0), at });
      await sleep(EVERY_MS);
    }
  }
}
