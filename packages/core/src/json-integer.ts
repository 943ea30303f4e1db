/**
 * A bigint as plain JSON takes it, for reports and messages: a number up to ±(2^53 - 1), which every reader has exactly,
 * and decimal text beyond. What is hashed has it as text always: see `canonicalJson`.
 */
export function jsonInteger(value: bigint): number | string {
  const isExact = value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
  return isExact ? Number(value) : value.toString();
}
