import { sameBytes, toHex } from "@scidex/audit-core";
import { type ChangeBreak, isLeaving, type KeyEvent } from "../key-group.ts";

/** No more breaks of one key are kept than a report lists of one check. */
const MAX_BREAKS = 1000;

/** A row by its payload hash. */
type Row = Uint8Array | "no row" | "no hash";

/**
 * Walks along the events of one key in the chain, in the order of seq. What each event found must be what the one
 * before left behind. A change past the trigger shows in the next honest change, which records what it found. Without
 * that record the honest change would launder it.
 *
 * Pending events are not walked along: those of one transaction get their order when they are linked.
 *
 * Sums of hashes, which need no order, show less. Let an update add its payload hash and subtract its before_hash. The
 * sum is the row that is there, also where two edits undo each other: recorded as A, edited to B, changed to C, changed
 * to B, edited to A. The sum is A, but the first change found B, which nobody had recorded.
 */
export class ChangeWalk {
  readonly breaks: ChangeBreak[] = [];
  readonly #isRekeyed: boolean;
  #left: { readonly event: KeyEvent & { readonly seq: bigint }; readonly row: Row } | undefined;

  /** @param isRekeyed whether there can be events of the same row, or of the same key, from before another key was chosen */
  constructor(isRekeyed = false) {
    this.#isRekeyed = isRekeyed;
  }

  push(event: KeyEvent): void {
    const { seq, op, payloadHash } = event;
    if (seq === null) return;
    const found = foundBy(event);
    const fits = this.#left === undefined ? this.#mayBegin(op) : isSame(found, this.#left.row);
    if (!fits && this.breaks.length < MAX_BREAKS) {
      const expected = describe(this.#left?.row ?? "no row");
      this.breaks.push({
        event: { ...event, seq },
        after: this.#left?.event ?? null,
        expected,
        actual: describe(found),
      });
    }
    this.#left = { event: { ...event, seq }, row: isLeaving(event) ? "no row" : payloadHash };
  }

  /** A key that was another row's before is used again; a row that was there is recorded anew under its key. */
  #mayBegin(op: string): boolean {
    return op === "event" || (this.#isRekeyed && (op === "insert" || op === "record"));
  }
}

/** What stood there before an event, by what it says itself. */
function foundBy(event: KeyEvent): Row {
  const { op, payloadHash, beforeHash } = event;
  if (op !== "update" && op !== "record" && !isLeaving(event)) return "no row";
  // The payload of an event by which a row has gone is the row before it.
  if (isLeaving(event) && beforeHash !== null && !sameBytes(payloadHash, beforeHash)) return "no hash";
  return beforeHash ?? "no hash";
}

const isSame = (a: Row, b: Row): boolean =>
  typeof a === "string" || typeof b === "string" ? a === b && a !== "no hash" : sameBytes(a, b);

const describe = (row: Row): string => (typeof row === "string" ? row : toHex(row));
