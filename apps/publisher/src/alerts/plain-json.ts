/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/**
 * A flat record as JSON takes it and as `jsonb` stores it: whole numbers beyond 2^53 - 1 become text, and NUL and lone
 * surrogates, which `jsonb` refuses, U+FFFD. Someone who puts one into a head log or a message must not keep the alert
 * from being written.
 */
export function plainJson(record: object): JsonObject {
  return Object.fromEntries(
    Object.entries(record)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]: [string, unknown]) => [name, plain(value)]),
  );
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") {
    const isExact = value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
    return isExact ? Number(value) : value.toString();
  }
  return typeof value === "string" ? value.toWellFormed().replaceAll("\0", "\uFFFD") : value;
}
