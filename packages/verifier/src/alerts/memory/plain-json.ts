import { jsonForm } from "@scidex/audit-core";

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/**
 * A flat record as our JSON has it (`jsonForm`) and as `jsonb` stores it: NUL and lone surrogates, which `jsonb` refuses,
 * become U+FFFD. Someone who puts one into a head log or a message must not keep the alert
 * from being written.
 */
export function plainJson(record: object): JsonObject {
  return Object.fromEntries(
    Object.entries(jsonForm(record) as JsonObject).map(([name, value]) => [name, plain(value)]),
  );
}

function plain(value: unknown): unknown {
  return typeof value === "string" ? value.toWellFormed().replaceAll("\0", "\uFFFD") : value;
}
