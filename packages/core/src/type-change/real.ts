/**
 * `real` in `double precision`. The value stays, but the text has other digits:
 *
 *     real 0.1                                    real 1.6777216e+07
 *     double precision 0.10000000149011612        double precision 16777216
 *
 * With `extra_float_digits = 1`, PostgreSQL prints the shortest decimal that lies strictly between the middles to both
 * neighbours, and of those the closest, of two the even one (`common/f2s.c` and `d2s.c`, after Ryu; unlike in JavaScript, a bound never counts as
 * inside). It is written with an exponent where that is below -4, or from 6 on, for a `double precision` from 15 on
 * (`to_chars`). The exponent has two digits at least.
 */
import { one, type Reading } from "./reading.ts";

/** What the text of a float depends on beside its value. */
interface Format {
  /** Bits behind the point. */
  readonly bits: number;
  /** The least exponent of two of a normal number; below it, neighbours lie as far apart as there. */
  readonly least: number;
  /** The least exponent of ten that is written. */
  readonly firstLong: number;
}

const REAL: Format = { bits: 23, least: -126, firstLong: 6 };
const DOUBLE: Format = { bits: 52, least: -1022, firstLong: 15 };

/** A `real` that became `double precision`. */
export const realReading: Reading = one((live) => {
  if (live === "NaN" || live === "Infinity" || live === "-Infinity") return live;
  if (!/^-?\d+(?:\.\d+)?(?:e[+-]\d\d)?$/u.test(live)) return undefined;
  const value = Number(live);
  if (!Number.isFinite(value) || Math.fround(value) !== value) return undefined;
  // Of all spellings of a double only the one that PostgreSQL prints.
  return floatText(value, DOUBLE) === live ? floatText(value, REAL) : undefined;
});

/** The text of a value that is a `real`. */
function floatText(value: number, format: Format): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (value === 0) return `${sign}0`;
  const { digits, exponent } = shortest(Math.abs(value), format);
  if (exponent < -4 || exponent >= format.firstLong) {
    const power = `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
    return `${sign}${digits.slice(0, 1)}${digits.length > 1 ? `.${digits.slice(1)}` : ""}e${power}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const behind = digits.slice(exponent + 1);
  return `${sign}${whole}${behind === "" ? "" : `.${behind}`}`;
}

/**
 * The digits of the shortest decimal that stands for a value above 0, and the power of ten of the first one.
 *
 *     0.1 as a real → 1, -1         16777216 as a real → 16777216, 7
 */
function shortest(value: number, { bits, least }: Format): { digits: string; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const raw = view.getBigUint64(0);
  // Every real is a normal double: 2^exponent times a number between 1 and 2.
  const exponent = Number(raw >> 52n) - 1023;
  const fraction = raw & (2n ** 52n - 1n);
  const mantissa = fraction + 2n ** 52n;

  // Counted in quarters of a double's last place, all as fractions over one denominator.
  const power = exponent - 54;
  const [times, over] = power >= 0 ? [2n ** BigInt(power), 1n] : [1n, 2n ** BigInt(-power)];
  const half = 2n ** BigInt(Math.max(exponent, least) - bits + 52 - exponent + 1);
  // Below a power of two the next number is only half as far.
  const below = fraction === 0n && exponent > least ? half / 2n : half;
  for (let unit = Number(value.toExponential().split("e")[1]) + 1; ; unit--) {
    const [up, down] = unit >= 0 ? [1n, 10n ** BigInt(unit)] : [10n ** BigInt(-unit), 1n];
    // The fractions again, with this power of ten as their unit.
    const scaled = (quarters: bigint): bigint => quarters * times * up;
    const whole = over * down;
    const closest = nearest(scaled(mantissa * 4n), whole);
    for (const count of [closest, closest - 1n, closest + 1n]) {
      const isInside = count * whole > scaled(mantissa * 4n - below) && count * whole < scaled(mantissa * 4n + half);
      if (!isInside) continue;
      const all = String(count);
      return { digits: all.replace(/0+$/u, ""), exponent: unit + all.length - 1 };
    }
  }
}

/** A quotient to the nearest whole number, from the middle to the even one. */
function nearest(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  return twice > divisor || (twice === divisor && quotient % 2n === 1n) ? quotient + 1n : quotient;
}
