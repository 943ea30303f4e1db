/**
 * An option's number, checked.
 *
 * @throws {RangeError} where it is less than `least`, or no finite number
 */
export function atLeast(least: number, name: string, value: number): number {
  if (Number.isFinite(value) && value >= least) return value;
  throw new RangeError(`${name} is ${value}; expected a number of at least ${least}`);
}
