import {
  formatTime,
  type LinkRange,
  type Micros,
  microsOfSeconds,
  parseTime,
  type Seconds,
  type Seq,
} from "@scidex/audit-core";
import type { ChainRow } from "./chain-row.ts";
import type { ReportFinding } from "../finding/finding.ts";
import type { PublishedHead } from "../head-log/published-head.ts";

/**
 * How far the clocks of database, publisher and verifier may be apart, in microseconds. The publisher refuses to sign
 * beyond it.
 */
export const CLOCK_TOLERANCE_MICROS = 300_000_000n;

/**
 * How long a transaction may hold the chain's lock, in microseconds. Its rows get their time when they are linked, and
 * become visible when it commits. Heads that are signed in between do not have them, although their time is later. A
 * prepared transaction can hold the lock for hours. Nobody else can append meanwhile, so a whole day would be noticed.
 */
export const LOCK_TOLERANCE_MICROS = 86_400_000_000n;

/** What a link may have: 2000 to 9999. */
const ANY_TIME = {
  earliest: parseTime("2000-01-01T00:00:00.000000Z"),
  latest: parseTime("9999-12-31T23:59:59.999999Z"),
};

/**
 * Every row's time must lie between the times of the heads around it.
 *
 * - Not after the signed time of the first head that covers it. A row that no head covers yet: not after now.
 * - Not before the last row of the head before it, and not before the newest time at which that head was signed.
 *
 * Links whose times are known to be false have none to judge, and bound no others.
 */
export class TimeChecker {
  readonly #heads: readonly PublishedHead[];
  readonly #report: ReportFinding;
  readonly #lastSigned: ReadonlyMap<Seq, Seconds>;
  readonly #now: Micros;
  readonly #misdated: readonly LinkRange[];
  #next = 0;
  #earliest: Micros = 0n;

  /**
   * @param heads in the order of their seq, the earliest signed one first among those of one seq
   * @param lastSigned by seq, the newest time at which a head of it was signed
   * @param start the head before the first row; undefined where there is none
   * @param misdated links whose times are known to be false, in their order
   */
  constructor(
    heads: readonly PublishedHead[],
    lastSigned: ReadonlyMap<Seq, Seconds>,
    now: Micros,
    start: PublishedHead | undefined,
    report: ReportFinding,
    misdated: readonly LinkRange[] = [],
  ) {
    this.#heads = heads;
    this.#lastSigned = lastSigned;
    this.#report = report;
    this.#now = now;
    this.#misdated = misdated;
    if (start !== undefined) this.#pass(start);
  }

  /** The last link that `boundsOf` says the same of as of this one, as far as false times go; undefined for no end. */
  sameUntil(seq: Seq): Seq | undefined {
    const range = this.#misdated.find(({ to }) => to >= seq);
    return range && (range.from <= seq ? range.to : range.from - 1n);
  }

  /**
   * The times that a link may have, both included; those after it up to the next head, and `sameUntil`, may have the same.
   */
  boundsOf(seq: Seq): { earliest: Micros; latest: Micros } {
    for (let head = this.#heads[this.#next]; head !== undefined && head.seq < seq; head = this.#heads[++this.#next])
      this.#pass(head);
    if (this.#isMisdated(seq)) return ANY_TIME;
    return { earliest: this.#earliest, latest: this.#latest() + CLOCK_TOLERANCE_MICROS };
  }

  #isMisdated = (seq: Seq): boolean => this.#misdated.some(({ from, to }) => from <= seq && seq <= to);

  #latest(): Micros {
    const head = this.#heads[this.#next];
    return head === undefined ? this.#now : microsOfSeconds(head.signedTime + 1n);
  }

  push(row: ChainRow): void {
    const bounds = this.boundsOf(row.seq);
    if (row.appendedAt === null) return;
    const head = this.#heads[this.#next];
    const latest = this.#latest();
    const isEarly = row.appendedAt < bounds.earliest;
    if (!isEarly && row.appendedAt <= bounds.latest) return;
    this.#report({
      check: "time_implausible",
      seq: row.seq,
      eventKind: row.eventKind,
      eventPk: row.eventPk,
      expected: isEarly ? `not before ${show(bounds.earliest)}` : `not after ${show(latest)}`,
      actual: show(row.appendedAt),
      message: isEarly
        ? "the row claims to be older than the head that was published before it"
        : head === undefined
          ? "the row claims a time that has not come yet: the server's clock was wrong when it was linked, or somebody has written it. The publisher signs nothing until then. Where it was the clock, docs/life.md has what to do: audit-publisher begin"
          : `the row claims to be newer than the head that covers it, published at ${head.publishedAt}`,
    });
  }

  #pass(head: PublishedHead): void {
    const row = this.#isMisdated(head.seq) ? 0n : parseTime(head.appendedAt) - CLOCK_TOLERANCE_MICROS;
    const signed = microsOfSeconds(this.#lastSigned.get(head.seq) ?? head.signedTime) - LOCK_TOLERANCE_MICROS;
    for (const bound of [row, signed]) if (bound > this.#earliest) this.#earliest = bound;
  }
}

function show(micros: Micros): string {
  try {
    return formatTime(micros);
  } catch {
    return `${micros} µs`;
  }
}
