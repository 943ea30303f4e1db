import { sameBytes, type Seq, toHex } from "@scidex/audit-core";
import { inForce, type KindHistory } from "../coverage/config.ts";
import { newestShapeChange, readFrom, statedTo } from "../coverage/generations.ts";
import type { Finding, ReportFinding } from "@scidex/audit-reader";
import { located, unrecordedChange } from "./changes/change-finding.ts";
import { hasChangedSchema } from "./changes/changed-schema.ts";
import { type ComparisonGround, emptyTally, type Fit } from "./comparison.ts";
import { isErased } from "./erasure.ts";
import { isLeaving, type KeyEvent, type KeyGroup } from "./key-group.ts";
import { explainedBy, unchained } from "./changes/explained-by.ts";
import type { Traveller } from "./rekeyed/traveller.ts";
import { isRowHash, isUnknownRow, type Recomputation } from "./payload.ts";

/**
 * Compares the rows of one table with the newest event of each key. Both sides come in the order of their keys, merged
 * by the caller: `both`, `onlyChained`, `onlyThere` are called once a key, and `changes` for each key with events.
 */
export class SourceChecker {
  readonly #history: KindHistory;
  readonly #ways: readonly Recomputation[];
  readonly #ground: ComparisonGround;
  /** Since when the table has the shape that it has. */
  readonly #shaped: Seq;
  readonly #stated: Seq;
  readonly #report: ReportFinding;
  readonly tally = emptyTally();

  /** @param ways of recomputing rows, one for each configuration (`recomputations`) */
  constructor(history: KindHistory, ways: readonly Recomputation[], ground: ComparisonGround, report: ReportFinding) {
    this.#history = history;
    this.#ways = ways;
    this.#ground = ground;
    this.#shaped = newestShapeChange(history)?.seq ?? 0n;
    this.#stated = statedTo(ground.generations);
    this.#report = report;
  }

  /**
   * @param row hashes of the row, one for each reading of the table
   * @param as what it is to be recorded as, where its events have another key than it has now
   */
  both(group: KeyGroup, row: readonly Uint8Array[], as?: Traveller): void {
    const { newest } = group;
    this.#ground.retention?.kept(group);
    this.#countWaiting(group);
    if (newest === undefined) return this.onlyThere(group.key, row);
    if (this.#isOutside(newest)) return;
    if (isLeaving(newest)) {
      this.#report({
        check: "source_edited",
        ...located(newest),
        expected: "no row",
        actual: "a row",
        ...(row[0] === undefined ? {} : { observed: toHex(row[0]) }),
        message: `the row is there although its newest event is that it ${LEFT[newest.op] ?? "was deleted"}: it was inserted past the trigger`,
      });
      return;
    }
    const way = this.#wayOf(newest.seq ?? AFTER_ALL);
    if (way === undefined) return;
    const hashes = way.readings.flatMap((reading) => row[reading] ?? []);
    const fitting = hashes.findIndex((hash) => isRowHash(hash) && sameBytes(hash, newest.payloadHash));
    if (fitting >= 0 && fitting < way.whole) {
      this.tally.matched++;
      this.#record(group, newest, row, "compared", as);
      return;
    }
    if (fitting >= 0) {
      this.tally.unrecorded++;
      this.#record(group, newest, row, "not compared", as);
      return;
    }
    if (way.excuse !== null || hashes.some(isUnknownRow)) {
      this.#record(group, newest, row, "not compared", as);
      this.tally.unprovable++;
      this.tally.excuse = way.excuse ?? "what a text was before its type changed cannot be told";
      return;
    }
    const finding: Finding = {
      check: "source_edited",
      ...located(newest),
      expected: toHex(newest.payloadHash),
      ...(hashes[0] === undefined ? {} : { actual: toHex(hashes[0]) }),
      message: `the row of ${this.#history.current.relation} is not what was recorded${this.#history.current.salt ? ", or its salt is gone" : ""}`,
    };
    if (this.#isWaiting(finding, newest)) return;
    // Where it was accepted, it is recorded as it was found.
    this.#record(group, newest, row, "finding");
    this.#report(finding);
  }

  /** Whether the row's change waits to be linked from the log: its event is to come, in the shape of now. */
  #isWaiting(finding: Finding, { seq }: KeyEvent): boolean {
    if (this.#ground.mayWait?.(finding) !== true) return false;
    if (seq !== null && this.#readFrom(seq) <= this.#shaped) this.tally.waiting++;
    return true;
  }

  /**
   * What a row is to be recorded as. Where it has been recorded already, and nobody has stated it, the last such event is
   * what is followed: somebody may have written it past the door. A row with another key is recorded anew in any case.
   */
  #record(group: KeyGroup, newest: KeyEvent, row: readonly Uint8Array[], fit: Fit, as?: Traveller): void {
    const [payloadHash] = row;
    const unstated = this.#unstatedOf(as ?? group);
    const last = unstated ?? newest;
    const { key } = as ?? group;
    if (this.#ground.toRecord === undefined || payloadHash === undefined || key === null || newest.seq === null) return;
    const isSame = sameBytes(last.payloadHash, payloadHash);
    if (isSame && unstated === undefined && as === undefined) return;
    const isRecorded = isSame && (unstated !== undefined || as === undefined);
    this.#ground.toRecord({ key, payloadHash, beforeHash: last.payloadHash, fit, isRecorded });
  }

  /** A row whose events cannot be told, since its earlier key cannot be read any more. It is recorded as it is found. */
  asFound(row: Traveller): void {
    this.tally.unprovable++;
    this.tally.excuse = "what its key was before cannot be told";
    const [payloadHash] = row.hashes;
    if (this.#ground.toRecord === undefined || payloadHash === undefined || row.key === null) return;
    const unstated = this.#unstatedOf(row);
    const isRecorded = unstated !== undefined && sameBytes(unstated.payloadHash, payloadHash);
    const beforeHash = unstated?.payloadHash ?? null;
    this.#ground.toRecord({ key: row.key, payloadHash, beforeHash, fit: "not compared", isRecorded });
  }

  /** What was recorded of another shape than that of now will never be stated. */
  #unstatedOf({ unstated }: Pick<KeyGroup, "unstated">): KeyEvent | undefined {
    return unstated?.seq != null && unstated.seq > this.#shaped ? unstated : undefined;
  }

  /**
   * Where a change waits to be linked, the row is what that change has made of it, and tells nothing of the event before.
   * If that was recorded anew it stands as found. If it was not, nothing can be stated yet.
   */
  #countWaiting(group: KeyGroup): void {
    const { newest, linked } = group;
    if (this.#ground.toRecord === undefined || newest === undefined || newest.seq !== null || linked?.seq == null)
      return;
    if (this.#unstatedOf(group) !== undefined) this.tally.incomparable++;
    else if (!isLeaving(linked) && this.#readFrom(linked.seq) <= this.#shaped) this.tally.waiting++;
  }

  #readFrom(seq: Seq): Seq {
    return readFrom(seq, this.#ground.generations);
  }

  #wayOf(seq: Seq): Recomputation | undefined {
    return inForce(this.#ways, this.#readFrom(seq));
  }

  /** Reports events that found something else than the event before them had left behind. */
  changes({ breaks, key, epoch }: KeyGroup): void {
    const { epochs, open } = this.#ground.keys;
    for (const one of breaks) {
      const { event, after, expected, actual } = one;
      if (this.#isOutside(event) || this.#ground.retention?.isUsedAgain(one) === true) continue;
      // Of a row that was there under another key: compared with its events, or counted by a statement.
      const isRekeyed = after === null && epoch + 1 < epochs && (event.op === "update" || isLeaving(event));
      if (isRekeyed && (epoch < open || event.seq <= this.#stated)) continue;
      // A row that was there before its table was attached may have been changed before the backfill came to it.
      const isFirst = after === null && !["insert", "record", "restore"].includes(event.op);
      if (isFirst && inForce(this.#ways, event.seq)?.config.complete !== true) continue;
      // What was recorded anew names the very event that it follows, and what was put back is just what was recorded.
      if (
        after !== null &&
        !["record", "restore"].includes(event.op) &&
        hasChangedSchema(this.#ways, this.#ground.generations, after.seq, event.seq)
      ) {
        // What a statement has counted is approved, or a finding, as a whole.
        if (event.seq > this.#stated) this.tally.incomparable++;
        continue;
      }
      const place = after === null ? "" : ` at seq ${after.seq}`;
      const { relation } = this.#history.current;
      const explanation = explainedBy(one, this.#history.kind, key);
      this.#report({
        ...unrecordedChange(event, { relation, expected, actual, place }),
        ...(explanation === undefined ? {} : { explainedBy: explanation }),
      });
    }
  }

  /** Whether its row may be missing, by the table's retention or since it was erased. */
  mayBeGone(group: KeyGroup): boolean {
    return isErased(this.#ground.erased, group.newest) || this.#ground.retention?.isOver(group) === true;
  }

  onlyChained(group: KeyGroup): void {
    const { newest } = group;
    this.#countWaiting(group);
    if (newest === undefined || newest.op === "delete" || this.#isOutside(newest)) return;
    if (newest.op === "erase" && this.#ground.erased === null) {
      this.tally.unprovable++;
      this.tally.excuse = "whether a row was erased lawfully, the published heads say, which were not read";
      return;
    }
    if (isErased(this.#ground.erased, newest)) return;
    const finding = {
      check: "source_deleted" as const,
      ...located(newest),
      expected: toHex(newest.payloadHash),
      actual: "no row",
    };
    const { relation } = this.#history.current;
    if (newest.op === "erase") {
      const why = "and no sink holds a statement of it that is signed by a key which the policy has for this table";
      this.#report({ ...finding, message: `the row of ${relation} was erased, ${why}` });
    } else if (this.#ground.retention === null) {
      const how = newest.op === "retire" ? "was retired, and the policy has no retention for it" : "is gone";
      const gone = { ...finding, message: `the row of ${relation} ${how}` };
      if (!this.#isWaiting(gone, newest)) this.#report(gone);
    } else this.#ground.retention.gone(group, finding);
  }

  /**
   * @param key null where a key column is NULL: such a row can have no event
   * @param row hashes of the row
   */
  onlyThere(key: string | null, row: readonly Uint8Array[]): void {
    if (!this.#ground.range.ofWhole) return;
    const { current } = this.#history;
    if (current.action === "detach") return;
    if (!current.complete || this.#ground.isReplaced) {
      this.tally[current.complete ? "notCaptured" : "unchainedYet"]++;
      return;
    }
    this.#report({
      ...unchained(this.#history.kind, key, row[0] && toHex(row[0])),
      message:
        key === null
          ? `rows of ${current.relation} have no key: they were inserted past the trigger, and the key's constraints are gone`
          : `a row of ${current.relation} is not in the chain: it was inserted past the trigger`,
    });
  }

  #isOutside({ seq }: KeyEvent): boolean {
    const { from, to, ofWhole } = this.#ground.range;
    if (seq === null) return !ofWhole;
    return seq < from || (to !== undefined && seq > to);
  }
}

const LEFT: Readonly<Record<string, string>> = { retire: "was retired", erase: "was erased" };

/** Higher than any seq: what is pending will be linked after everything that is there. */
const AFTER_ALL = 2n ** 63n;
