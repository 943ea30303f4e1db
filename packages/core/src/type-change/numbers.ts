/**
 * Whole numbers and `numeric` in wider types. All work is on digits: a `numeric` may have 147,455 of them.
 *
 *     integer 7              → bigint 7, numeric 7, numeric(10,2) 7.00
 *     numeric(10,2) -1.50    → numeric(14,4) -1.5000, numeric -1.50
 *
 * `int2out`, `int4out` and `int8out` print no sign but `-` and no leading zero (`utils/adt/numutils.c`). `numeric_out`
 * prints as many digits behind the point as the value has, zeros too; a modifier fixes that number when a value is stored
 * (`apply_typmod` in `utils/adt/numeric.c`), and bounds the value by 10^(precision - scale).
 */
import { one, type Reading, sameWhere } from "./reading.ts";

const INTEGER = /^(?:0|-?[1-9]\d{0,18})$/u;

/** Integer types, narrow to wide, each with the power of two that its values stay below. */
const BITS: Readonly<Record<string, bigint>> = { smallint: 15n, integer: 31n, bigint: 63n };

/** Whether a text is an integer as PostgreSQL prints it, within a type's bounds. */
export function isInteger(type: string): ((text: string) => boolean) | null {
  const bits = Object.hasOwn(BITS, type) ? BITS[type] : undefined;
  if (bits === undefined) return null;
  const [least, most] = [-(2n ** bits), 2n ** bits - 1n];
  return (text) => INTEGER.test(text) && BigInt(text) >= least && BigInt(text) <= most;
}

/** An integer type that became a wider one. */
export function integerReading(before: string, now: string): Reading | null {
  const canBeOld = isInteger(before);
  return canBeOld !== null && (BITS[now] ?? 0n) > (BITS[before] ?? 0n) ? sameWhere(canBeOld) : null;
}

/**
 * A type that became `numeric` or `numeric(p,s)`.
 *
 * @param now the modifiers: none, or precision and scale
 */
export function numericReading(before: string, modifiers: readonly number[], now: readonly number[]): Reading | null {
  const [, scaleNow] = now;
  // Rounded to tens: what was there is lost.
  if (scaleNow !== undefined && scaleNow < 0) return null;
  const canBeOld = isInteger(before);
  if (canBeOld !== null) {
    return one((live) => {
      const old = withScale(live, scaleNow ?? 0, 0);
      return old !== undefined && canBeOld(old) ? old : undefined;
    });
  }
  const [precision, scale] = modifiers;
  if (before !== "numeric" || precision === undefined || scale === undefined) return null;
  const digits = Math.max(scale, 0);
  if (scaleNow !== undefined && scaleNow < digits) return null;
  return one((live) => {
    if (live === "NaN") return live;
    const old = withScale(live, scaleNow ?? digits, digits);
    return old !== undefined && fits(old, precision, scale) ? old : undefined;
  });
}

/** The number of a text that has `scaleNow` digits behind the point, with `scale` of them: the others must be zeros. */
function withScale(live: string, scaleNow: number, scale: number): string | undefined {
  const parts = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?$/u.exec(live);
  if (parts === null) return undefined;
  const [, sign = "", whole = "", behind = ""] = parts;
  if (behind.length !== scaleNow || !isZeros(behind.slice(scale))) return undefined;
  // Zero has no sign.
  if (sign !== "" && isZeros(whole + behind)) return undefined;
  return scale === 0 ? `${sign}${whole}` : `${sign}${whole}.${behind.slice(0, scale)}`;
}

/** Whether a number of the right scale has at most `precision` digits, counted from the digit that `scale` names. */
function fits(text: string, precision: number, scale: number): boolean {
  let digits = text.replace(/^-/u, "").replace(".", "").replace(/^0+/u, "");
  if (digits === "") return true;
  if (scale < 0) {
    if (!isZeros(digits.slice(scale))) return false;
    digits = digits.slice(0, scale);
  }
  return digits !== "" && digits.length <= precision;
}

const isZeros = (digits: string): boolean => /^0*$/u.test(digits);
