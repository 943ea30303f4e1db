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
  /** What the row has to be: what the newest event left behind that is no refused change. */
  #stands: Row = "no row";
  #left: { readonly event: KeyEvent & { readonly seq: bigint }; readonly row: Row } | undefined;

  /** @param isRekeyed whether there can be events of the same row, or of the same key, from before another key was chosen */
  constructor(isRekeyed = false) {
    this.#isRekeyed = isRekeyed;
  }

  /** @param isRefused whether the event is a change past the guard of a table that refuses changes */
  push(event: KeyEvent, isRefused = false): void {
    const { seq, op, payloadHash } = event;
    if (seq === null) return;
    const isRestored = op === "restore";
    const found = isRestored ? payloadHash : foundBy(event);
    const before = this.#left?.row ?? "no row";
    const fits = isRestored
      ? this.putsBack(event)
      : this.#left === undefined
        ? this.#mayBegin(op)
        : isSame(found, before);
    if (!fits && this.breaks.length < MAX_BREAKS) {
      const expected = describe(isRestored ? this.#stands : before);
      const after = this.#left?.event ?? null;
      this.breaks.push({ event: { ...event, seq }, after, expected, actual: describe(found) });
    }
    const row = isLeaving(event) ? "no row" : payloadHash;
    this.#left = { event: { ...event, seq }, row };
    if (!isRefused) this.#stands = row;
  }

  /**
   * Whether an event says that a row was put back, and that it is then just what it has to be. Such an event excuses nothing,
   * whoever has written it. After a row has left lawfully, nothing can be put back.
   */
  putsBack({ op, payloadHash }: KeyEvent): boolean {
    return op === "restore" && isSame(payloadHash, this.#stands);
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
