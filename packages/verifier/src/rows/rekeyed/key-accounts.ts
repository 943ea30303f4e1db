import { sameBytes, toHex } from "@scidex/audit-core";
import type { ReportFinding } from "@scidex/audit-reader";
import type { KindHistory } from "../../coverage/config.ts";
import { located, unrecordedChange } from "../changes/change-finding.ts";
import { hasChangedSchema } from "../changes/changed-schema.ts";
import type { ComparisonGround, SourceTally } from "../comparison.ts";
import type { KeyEvent, KeyGroup } from "../key-group.ts";
import type { Recomputation } from "../payload.ts";

/** No more than a report lists of one check are kept. */
const MAX_KEPT = 1000;

/** The first ones, and how many there are. */
export class Some<T> {
  readonly listed: T[] = [];
  count = 0;

  add(one: T): void {
    this.count++;
    if (this.listed.length < MAX_KEPT) this.listed.push(one);
  }
}

/** Holds events of one row under different keys against each other, where another key was chosen between them. */
export class KeyAccounts {
  readonly #history: KindHistory;
  readonly #ways: readonly Recomputation[];
  readonly #ground: ComparisonGround;
  readonly #tally: SourceTally;
  readonly #report: ReportFinding;

  constructor(
    history: KindHistory,
    ways: readonly Recomputation[],
    ground: ComparisonGround,
    tally: SourceTally,
    report: ReportFinding,
  ) {
    this.#history = history;
    this.#ways = ways;
    this.#ground = ground;
    this.#tally = tally;
    this.#report = report;
  }

  /** A change of a row, of which these are the events under its earlier key. */
  follows({ newest, key }: KeyGroup, change: KeyEvent): void {
    if (change.seq === null) this.#tally.waiting++;
    if (change.seq === null || newest?.seq == null) return;
    if (change.beforeHash !== null && sameBytes(change.beforeHash, newest.payloadHash)) return;
    if (hasChangedSchema(this.#ways, this.#ground.generations, newest.seq, change.seq)) {
      this.#tally.incomparable++;
      return;
    }
    this.#unrecorded(change, {
      expected: toHex(newest.payloadHash),
      actual: change.beforeHash === null ? "no hash" : toHex(change.beforeHash),
      place: ` at seq ${newest.seq} under the key ${key}`,
    });
  }

  /**
   * Events of which no row has the key any more, and changes of rows that had an event under another key. Where there are as
   * many, the rows have been deleted or have got other values in what was the key, by these changes; which is which cannot be
   * told. What is over has been done past the trigger.
   */
  settle(orphans: Some<KeyGroup>, begun: Some<KeyEvent>): void {
    this.#tally.incomparable += Math.min(orphans.count, begun.count);
    this.#tally.waiting += begun.listed.filter(({ seq }) => seq === null).length;
    const over = orphans.count - begun.count;
    if (over > 0) for (const { newest } of orphans.listed) this.#gone(newest, begun.count === 0 ? null : over);
    if (over < 0 && this.#history.current.complete)
      for (const change of begun.listed)
        this.#unrecorded(change, { expected: "an event under the key of before", actual: "none", place: "" });
  }

  /** How many more events than rows there are, where it cannot be told which belong together. */
  counted(over: number): void {
    const { kind, current } = this.#history;
    if (over === 0 || (over < 0 && !current.complete)) return;
    this.#report({
      check: over > 0 ? "source_deleted" : "source_unchained",
      eventKind: kind,
      message: `${over > 0 ? `${over} rows of ${current.relation} are gone` : `${-over} rows of ${current.relation} are not in the chain`}: which they are cannot be told, since the key of before cannot be read any more`,
    });
  }

  /** @param over how many rows are gone, where some of those of these events may have been deleted lawfully */
  #gone(newest: KeyEvent | undefined, over: number | null): void {
    if (newest === undefined) return;
    const { relation } = this.#history.current;
    this.#report({
      check: "source_deleted",
      ...located(newest),
      expected: toHex(newest.payloadHash),
      actual: "no row",
      message:
        over === null
          ? `the row of ${relation} is gone`
          : `the row of ${relation} is gone, or has got another key. It is among those of which ${over} were deleted past the trigger`,
    });
  }

  #unrecorded(
    event: KeyEvent,
    found: { readonly expected: string; readonly actual: string; readonly place: string },
  ): void {
    this.#report(unrecordedChange(event, { relation: this.#history.current.relation, ...found }));
  }
}
