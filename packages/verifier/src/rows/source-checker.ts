import { sameBytes, type Seq, toHex } from "@scidex/audit-core";
import { inForce, isSameShape, type KindHistory } from "../coverage/config.ts";
import { type Generation, settledTo, statedTo } from "../coverage/generations.ts";
import type { Range, ReportFinding } from "@scidex/audit-reader";
import type { KeyEvent, KeyGroup } from "./key-group.ts";
import { isRowHash, isUnknownRow, type Recomputation } from "./payload.ts";

/** What the comparison of a table with its events found beside findings. */
export interface SourceTally {
  /** Rows that match their newest event. */
  matched: number;
  /** Rows without an event, in a table whose backfill has not finished. */
  unchainedYet: number;
  /** Rows that cannot be recomputed since a recorded schema change, and why. */
  unprovable: number;
  excuse: string | null;
  /** Rows with values in columns that joined late, which nothing has recorded yet. */
  unrecorded: number;
  /** Changes that cannot be compared with what was recorded before them, because the schema was changed meanwhile. */
  incomparable: number;
}

/** Of a table in which nothing is odd, or nothing has been seen yet. */
export const emptyTally = (): SourceTally => ({
  matched: 0,
  unchainedYet: 0,
  unprovable: 0,
  excuse: null,
  unrecorded: 0,
  incomparable: 0,
});

/** A row whose newest event was recorded of another shape of its table, and what it is to be recorded as. */
export interface RowToRecord {
  readonly key: string;
  /** The payload hash of the row as it is now. */
  readonly payloadHash: Uint8Array;
  /** The payload hash of the event that the new one follows. */
  readonly beforeHash: Uint8Array;
  /** Whether the row was held against its newest event as a whole, and fits. */
  readonly isCompared: boolean;
  /** Whether it has been recorded so already, and only the statement is missing. */
  readonly isRecorded: boolean;
}

/** What a comparison rests on. */
export interface ComparisonGround {
  /** Only events with a seq in it are judged. */
  readonly range: Range;
  /** The generations of the table's kind. */
  readonly generations: readonly Generation[];
  /** Takes what is to be recorded anew; undefined where nobody asks for it. */
  readonly toRecord?: ((row: RowToRecord) => void) | undefined;
}

/**
 * Compares the rows of one table with the newest event of each key. Both sides come in the order of their keys, merged
 * by the caller: `both`, `onlyChained`, `onlyThere` are called once a key, and `changes` for each key with events.
 */
export class SourceChecker {
  readonly #history: KindHistory;
  readonly #ways: readonly Recomputation[];
  readonly #ground: ComparisonGround;
  /** Up to where no event has an excuse any more. */
  readonly #settled: Seq;
  readonly #stated: Seq;
  readonly #report: ReportFinding;
  readonly tally = emptyTally();

  /** @param ways of recomputing rows, one for each configuration (`recomputations`) */
  constructor(history: KindHistory, ways: readonly Recomputation[], ground: ComparisonGround, report: ReportFinding) {
    this.#history = history;
    this.#ways = ways;
    this.#ground = ground;
    this.#settled = settledTo(history, ground.generations);
    this.#stated = statedTo(ground.generations);
    this.#report = report;
  }

  /** @param row hashes of the row, one for each reading of the table */
  both(group: KeyGroup, row: readonly Uint8Array[]): void {
    const { newest } = group;
    if (newest === undefined) return this.onlyThere(group.key);
    if (this.#isOutside(newest)) return;
    if (newest.op === "delete") {
      this.#report({
        check: "source_edited",
        ...located(newest),
        expected: "no row",
        actual: "a row",
        message: "the row is there although its newest event is its deletion: it was inserted past the trigger",
      });
      return;
    }
    const way = inForce(this.#ways, newest.seq ?? AFTER_ALL);
    if (way === undefined) return;
    const isSettled = newest.seq !== null && newest.seq <= this.#settled;
    const hashes = readingsOf(way, isSettled).flatMap((reading) => row[reading] ?? []);
    const fitting = hashes.findIndex((hash) => isRowHash(hash) && sameBytes(hash, newest.payloadHash));
    if (fitting === 0) {
      this.tally.matched++;
      // What a text was before its type changed follows from what it is, for as long as the row is there.
      if (way.excuse !== null || group.unstated !== undefined) this.#record(group, newest, row, true);
      return;
    }
    if (fitting > 0) {
      this.tally.unrecorded++;
      this.#record(group, newest, row, false);
      return;
    }
    if (!isSettled && (way.excuse !== null || hashes.some(isUnknownRow))) {
      this.#record(group, newest, row, false);
      this.tally.unprovable++;
      this.tally.excuse = way.excuse ?? "what a text was before its type changed cannot be told";
      return;
    }
    this.#report({
      check: "source_edited",
      ...located(newest),
      expected: toHex(newest.payloadHash),
      ...(hashes[0] === undefined ? {} : { actual: toHex(hashes[0]) }),
      message: `the row of ${this.#history.current.relation} is not what was recorded`,
    });
  }

  /**
   * What a row is to be recorded as. Where it has been recorded already, and nobody has stated it, the last such event is
   * what is followed: somebody may have written it past the door.
   */
  #record({ key, unstated }: KeyGroup, newest: KeyEvent, row: readonly Uint8Array[], isCompared: boolean): void {
    const [payloadHash] = row;
    const last = unstated ?? newest;
    if (this.#ground.toRecord === undefined || payloadHash === undefined || newest.seq === null) return;
    const isRecorded = sameBytes(last.payloadHash, payloadHash);
    if (isRecorded && unstated === undefined) return;
    this.#ground.toRecord({ key, payloadHash, beforeHash: last.payloadHash, isCompared, isRecorded });
  }

  /** Reports events that found something else than the event before them had left behind. */
  changes({ breaks }: KeyGroup): void {
    for (const { event, after, expected, actual } of breaks) {
      if (this.#isOutside(event)) continue;
      // A row that was there before its table was attached may have been changed before the backfill came to it.
      const isFirst = after === null && event.op !== "insert";
      if (isFirst && inForce(this.#ways, event.seq)?.config.complete !== true) continue;
      // What was recorded anew names the very event that it follows.
      if (after !== null && event.op !== "record" && this.#hasChangedSchema(after, event.seq)) {
        // What a statement has counted is approved, or a finding, as a whole.
        if (event.seq > this.#stated) this.tally.incomparable++;
        continue;
      }
      this.#report({
        check: "change_unrecorded",
        ...located(event),
        expected,
        actual,
        message: `what stood in ${this.#history.current.relation} before this ${event.op} was not what the chain had recorded${after === null ? "" : ` at seq ${after}`}: the row was changed past the trigger`,
      });
    }
  }

  /**
   * Whether the columns may have been others at one event than at the one before it, so that the same row had other hashes.
   * Columns are changed some time before the configuration that says so.
   */
  #hasChangedSchema(after: bigint, seq: bigint): boolean {
    const [first, last] = [inForce(this.#ways, after), inForce(this.#ways, seq)];
    const from = this.#ways.findIndex((way) => way === first);
    const to = this.#ways.findIndex((way) => way === last) + 1;
    const configs = this.#ways.slice(from, to + 1).map(({ config }) => config);
    const isLive = to === this.#ways.length;
    const isChanged = configs.some((config, i) => {
      const before = configs[i - 1];
      return before !== undefined && !isSameShape(before, config);
    });
    return isChanged || (isLive && (this.#ways.at(-1)?.excuse ?? null) !== null);
  }

  onlyChained({ newest }: KeyGroup): void {
    if (newest === undefined || newest.op === "delete" || this.#isOutside(newest)) return;
    this.#report({
      check: "source_deleted",
      ...located(newest),
      expected: toHex(newest.payloadHash),
      actual: "no row",
      message: `the row of ${this.#history.current.relation} is gone`,
    });
  }

  /** @param key null where a key column is NULL: such a row can have no event */
  onlyThere(key: string | null): void {
    if (!this.#ground.range.unchained) return;
    const { current } = this.#history;
    if (current.action === "detach") return;
    if (!current.complete) {
      this.tally.unchainedYet++;
      return;
    }
    this.#report({
      check: "source_unchained",
      eventKind: this.#history.kind,
      ...(key === null ? {} : { eventPk: key }),
      expected: "an event",
      actual: "none",
      message:
        key === null
          ? `rows of ${current.relation} have no key: they were inserted past the trigger, and the key's constraints are gone`
          : `a row of ${current.relation} is not in the chain: it was inserted past the trigger`,
    });
  }

  #isOutside({ seq }: KeyEvent): boolean {
    const { from, to, pending } = this.#ground.range;
    if (seq === null) return !pending;
    return seq < from || (to !== undefined && seq > to);
  }
}

/**
 * Which readings a row may fit. Once its table is settled, a row that had another payload in the shape of now has a newer
 * event: so what was excluded may change, and what joined late may not.
 */
const readingsOf = ({ excuse, readings }: Recomputation, isSettled: boolean): readonly number[] =>
  isSettled ? (excuse === null ? readings.slice(0, 1) : [CURRENT]) : readings;

/** The reading of the columns as they are covered now. */
const CURRENT = 0;

/** Higher than any seq: what is pending will be linked after everything that is there. */
const AFTER_ALL = 2n ** 63n;

function located(event: KeyEvent) {
  return {
    ...(event.seq === null ? {} : { seq: event.seq }),
    eventKind: event.eventKind,
    eventPk: event.eventPk,
  };
}
