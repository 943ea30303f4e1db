/**
 * Bit strings. `bit_out` and `varbit_out` print one digit a bit, and a longer bound adds none (`utils/adt/varbit.c`). A
 * `bit(n)` of another length is refused by an assignment.
 */
import { type Reading, sameWhere } from "./reading.ts";

const BITS = /^[01]*$/u;

/** A `bit(n)` or `bit varying(n)` that became a `bit varying` that is at least as long. */
export function bitsReading(before: string, length: number | undefined, bound = Infinity): Reading | null {
  if (length === undefined || length > bound) return null;
  if (before === "bit") return sameWhere((text) => text.length === length && BITS.test(text));
  return before === "bit varying" ? sameWhere((text) => text.length <= length && BITS.test(text)) : null;
}
