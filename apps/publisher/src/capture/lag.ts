import type { Sql } from "postgres";

/** How far linking is behind the log. */
export interface Lag {
  readonly bytes: number;
  /** For how long something of the log has been waiting; 0 where all is linked. */
  readonly seconds: number;
}

/** A place that the log has been written to, and when that was seen. */
interface Seen {
  readonly end: bigint;
  readonly atMs: number;
}

/** Places that are remembered: at one every 5 seconds, of the last 12 hours. */
const MOST_REMEMBERED = 8_640;

/**
 * Measures it, as exactly as it is asked often. In silence linking stays some bytes behind for 20 seconds: what the log gains
 * by our own writing is not linked at once.
 */
export class LagMeter {
  #waiting: readonly Seen[] = [];

  /** Undefined where the log is not followed yet. */
  async measure(sql: Sql, nowMs: number): Promise<Lag | undefined> {
    const [row] = await sql.unsafe<{ end: string; linked: string }[]>(
      `select (pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn)::pg_catalog.text as end,
              (p.linked_to - '0/0'::pg_catalog.pg_lsn)::pg_catalog.text as linked
         from only public.audit_chain_position as p order by p.id desc limit 1`,
    );
    return row === undefined ? undefined : this.note(BigInt(row.end), BigInt(row.linked), nowMs);
  }

  /** @param end up to where the log is written now @param linked up to where it is linked */
  note(end: bigint, linked: bigint, nowMs: number): Lag {
    const newest = this.#waiting.at(-1);
    // Where nothing was written since, it has been waiting since then.
    const seen = newest?.end === end ? this.#waiting : [...this.#waiting, { end, atMs: nowMs }];
    this.#waiting = seen.filter((place) => place.end > linked).slice(-MOST_REMEMBERED);
    const [oldest] = this.#waiting;
    return {
      bytes: Number(end > linked ? end - linked : 0n),
      seconds: oldest === undefined ? 0 : (nowMs - oldest.atMs) / 1_000,
    };
  }
}
