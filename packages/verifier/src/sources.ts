import { sameBytes, toHex } from "@scidex/audit-core";
import type { KindHistory } from "./config.ts";
import type { Report } from "./finding.ts";
import type { KeyGroup } from "./key-group.ts";
import { inForce, type Recomputation, recomputations, rowPayloadHash, type RowTexts } from "./payload.ts";

/** What the comparison of a table with its events found beside findings. */
export interface SourceTally {
  /** Rows that match their newest event. */
  matched: number;
  /** Rows without an event, in a table whose backfill has not finished. */
  unchainedYet: number;
  /** Rows that cannot be recomputed since a recorded schema change, and why. */
  unprovable: number;
  excuse: string | null;
}

/**
 * Compares the rows of one table with the newest event of each key. Both sides come in the order of their keys, merged
 * by the caller: `both`, `onlyChained`, `onlyThere` are called once a key.
 */
export class SourceChecker {
  readonly #history: KindHistory;
  readonly #ways: readonly Recomputation[];
  readonly #range: { readonly from: bigint; readonly to: bigint } | undefined;
  readonly #report: Report;
  readonly tally: SourceTally = { matched: 0, unchainedYet: 0, unprovable: 0, excuse: null };

  /** @param range only events with a seq in it are judged, and rows without an event are left to a full run */
  constructor(
    history: KindHistory,
    liveColumns: ReadonlySet<string>,
    range: { readonly from: bigint; readonly to: bigint } | undefined,
    report: Report,
  ) {
    this.#history = history;
    this.#ways = recomputations(history, liveColumns);
    this.#range = range;
    this.#report = report;
  }

  both(group: KeyGroup, row: RowTexts): void {
    if (this.#isOutside(group)) return;
    const { newest } = group;
    if (newest.isDelete) {
      this.#report({
        check: "source_edited",
        ...located(group),
        expected: "no row",
        actual: "a row",
        message: "the row is there although its newest event is its deletion: it was inserted past the trigger",
      });
      return;
    }
    const way = inForce(this.#ways, newest.seq ?? 2n ** 63n);
    if (way === undefined) return;
    const hashes = way.readings.map((reading) => rowPayloadHash(way.config.columns, row, reading));
    if (hashes.some((hash) => sameBytes(hash, newest.payloadHash))) {
      this.tally.matched++;
      return;
    }
    if (way.excuse !== null) {
      this.tally.unprovable++;
      this.tally.excuse = way.excuse;
      return;
    }
    this.#report({
      check: "source_edited",
      ...located(group),
      expected: toHex(newest.payloadHash),
      ...(hashes[0] === undefined ? {} : { actual: toHex(hashes[0]) }),
      message: `the row of ${this.#history.current.relation} is not what was recorded`,
    });
  }

  onlyChained(group: KeyGroup): void {
    if (this.#isOutside(group) || group.newest.isDelete) return;
    this.#report({
      check: "source_deleted",
      ...located(group),
      expected: toHex(group.newest.payloadHash),
      actual: "no row",
      message: `the row of ${this.#history.current.relation} is gone`,
    });
  }

  onlyThere(key: string): void {
    if (this.#range !== undefined) return;
    const { current } = this.#history;
    if (current.action === "detach") return;
    if (!current.complete) {
      this.tally.unchainedYet++;
      return;
    }
    this.#report({
      check: "source_unchained",
      event_kind: this.#history.kind,
      event_pk: key,
      expected: "an event",
      actual: "none",
      message: `a row of ${current.relation} is not in the chain: it was inserted past the trigger`,
    });
  }

  #isOutside(group: KeyGroup): boolean {
    const { seq } = group.newest;
    return this.#range !== undefined && (seq === null || seq < this.#range.from || seq > this.#range.to);
  }
}

function located(group: KeyGroup) {
  const { newest } = group;
  return {
    ...(newest.seq === null ? {} : { seq: newest.seq }),
    event_kind: newest.eventKind,
    event_pk: newest.eventPk,
  };
}
