import { type Finding } from "@scidex/audit-reader";
import type { ChangeBreak } from "../key-group.ts";

/**
 * What had been found of a row before the change that found it so, had anybody verified in between. Where that has been
 * accepted, the change is an honest one: it found what was accepted.
 *
 * @param key of the row
 */
export function explainedBy(
  { event, after, expected, actual }: ChangeBreak,
  kind: string,
  key: string,
): Finding | undefined {
  if (actual === NO_HASH || event.op === "restore") return undefined;
  const message = "it was found by the change that followed";
  if (after === null)
    return actual === NO_ROW
      ? undefined
      : { ...unchained(kind, key, actual), message: `the row had no event; ${message}` };
  const located = { seq: after.seq, eventKind: after.eventKind, eventPk: after.eventPk, expected };
  if (actual === NO_ROW)
    return { check: "source_deleted", ...located, actual, message: `the row was gone; ${message}` };
  const found = expected === NO_ROW ? { actual: "a row", observed: actual } : { actual };
  return { check: "source_edited", ...located, ...found, message: `the row was not what was recorded; ${message}` };
}

const NO_ROW = "no row";
const NO_HASH = "no hash";

/** A row without an event, without its message. @param observed the row's payload hash in hex */
export const unchained = (kind: string, key: string | null, observed: string | undefined) => ({
  check: "source_unchained" as const,
  eventKind: kind,
  ...(key === null ? {} : { eventPk: key }),
  expected: "an event",
  actual: "none",
  ...(observed === undefined ? {} : { observed }),
});
