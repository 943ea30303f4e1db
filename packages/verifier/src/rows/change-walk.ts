import { sameBytes, toHex } from "@scidex/audit-core";
import type { ChangeBreak, KeyEvent } from "./key-group.ts";

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
  #left: { readonly event: KeyEvent & { readonly seq: bigint }; readonly row: Row } | undefined;

  push(event: KeyEvent): void {
    const { seq, op, payloadHash } = event;
    if (seq === null) return;
    const found = foundBy(event);
    const fits = this.#left === undefined ? op === "event" : isSame(found, this.#left.row);
    if (!fits && this.breaks.length < MAX_BREAKS) {
      const expected = describe(this.#left?.row ?? "no row");
      this.breaks.push({
        event: { ...event, seq },
        after: this.#left?.event ?? null,
        expected,
        actual: describe(found),
      });
    }
    this.#left = { event: { ...event, seq }, row: op === "delete" ? "no row" : payloadHash };
  }
}

/** What stood there before an event, by what it says itself. */
function foundBy({ op, payloadHash, beforeHash }: KeyEvent): Row {
  if (op !== "update" && op !== "delete" && op !== "record") return "no row";
  // The payload of a deletion is the row before it.
  if (op === "delete" && beforeHash !== null && !sameBytes(payloadHash, beforeHash)) return "no hash";
  return beforeHash ?? "no hash";
}

const isSame = (a: Row, b: Row): boolean =>
  typeof a === "string" || typeof b === "string" ? a === b && a !== "no hash" : sameBytes(a, b);

const describe = (row: Row): string => (typeof row === "string" ? row : toHex(row));
