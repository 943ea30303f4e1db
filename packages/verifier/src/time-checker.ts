import { formatTime, type Head, parseTime } from "@scidex/audit-core";
import type { ChainRow } from "./chain-row.ts";
import type { Report } from "./finding.ts";

/**
 * How far the clocks of database, publisher and verifier may be apart, in microseconds. The publisher refuses to sign
 * beyond it.
 */
export const CLOCK_TOLERANCE_MICROS = 300_000_000n;

/**
 * Every row's time must lie between the times of the heads around it: not after the signed time of the first head that
 * covers it (for rows that none covers yet: not after now), and not before the time of the last row of the head before.
 *
 * The lower bound is that signed row's time and not the head's: a transaction may hold the chain's lock, its rows
 * already timed, while a head is published, and commit afterwards.
 */
export class TimeChecker {
  readonly #heads: readonly Head[];
  readonly #report: Report;
  readonly #now: bigint;
  #next = 0;
  #earliest: bigint;

  /**
   * @param heads in the order of their seq, the earliest signed one first among those of one seq
   * @param now microseconds since the Unix epoch
   * @param startTime time of the row before the first, in microseconds; 0 where there is none
   */
  constructor(heads: readonly Head[], now: bigint, startTime: bigint, report: Report) {
    this.#heads = heads;
    this.#report = report;
    this.#now = now;
    this.#earliest = startTime;
  }

  push(row: ChainRow): void {
    for (
      let head = this.#heads[this.#next];
      head !== undefined && head.seq < row.seq;
      head = this.#heads[++this.#next]
    ) {
      const time = parseTime(head.appendedAt);
      if (time > this.#earliest) this.#earliest = time;
    }
    if (row.appendedAt === null) return;
    const head = this.#heads[this.#next];
    const latest = head === undefined ? this.#now : (head.signedTime + 1n) * 1_000_000n;
    const isEarly = row.appendedAt < this.#earliest - CLOCK_TOLERANCE_MICROS;
    if (!isEarly && row.appendedAt <= latest + CLOCK_TOLERANCE_MICROS) return;
    this.#report({
      check: "time_implausible",
      seq: row.seq,
      event_kind: row.eventKind,
      event_pk: row.eventPk,
      expected: isEarly ? `not before ${show(this.#earliest)}` : `not after ${show(latest)}`,
      actual: show(row.appendedAt),
      message: isEarly
        ? "the row claims to be older than the published rows before it"
        : head === undefined
          ? "the row claims a time that has not come yet"
          : `the row claims to be newer than the head that covers it, published at ${head.publishedAt}`,
    });
  }
}

function show(micros: bigint): string {
  try {
    return formatTime(micros);
  } catch {
    return `${micros} µs`;
  }
}
