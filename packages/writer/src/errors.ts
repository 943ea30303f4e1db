import { CodedError, connectionLoss, sqlState } from "@scidex/audit-core";

/**
 * What went wrong, as a closed list.
 *
 * | code | meaning | SQLSTATE |
 * | --- | --- | --- |
 * | `bad_event` | the kind, key or hash cannot be recorded: missing, too long, malformed | `AC005`, `22023` |
 * | `conflict` | this event is chained already, with another payload | `AC001` |
 * | `reserved_kind` | the kind belongs to an audited table, begins with `audit_chain`, or has a colon | `AC003` |
 * | `retry` | the same transaction again can succeed | `40001`, `40P01`, `55P03` |
 * | `aborted` | the caller's transaction had failed before, and takes no more statements | `25P02` |
 * | `no_right` | the login may not do this: it needs `scidex_audit_writer`, and a transaction that may write | `42501`, `25006` |
 * | `not_set_up` | the database has no audit chain, or a broken one | `42883`, `42P01`, `3F000`, `AC002` |
 * | `connection_lost` | no answer: what was sent may have been recorded or not | `08…`, `57P0…` |
 * | `closed` | the batch writer has been closed | |
 * | `database` | everything else; `cause` is the driver's error | |
 *
 * After any of the database's errors the caller's transaction can only be rolled back: throw on.
 */
export type WriterErrorCode =
  | "bad_event"
  | "conflict"
  | "reserved_kind"
  | "retry"
  | "aborted"
  | "no_right"
  | "not_set_up"
  | "connection_lost"
  | "closed"
  | "database";

/** The one error class of this package. A payload without a canonical form is core's `CoreError` instead. */
export class WriterError extends CodedError<WriterErrorCode> {
  override readonly name = "WriterError";
}

const BY_STATE: Readonly<Record<string, WriterErrorCode>> = {
  AC001: "conflict",
  AC002: "not_set_up",
  AC003: "reserved_kind",
  AC005: "bad_event",
  "22023": "bad_event",
  "22021": "bad_event",
  "40001": "retry",
  "40P01": "retry",
  "55P03": "retry",
  "25P02": "aborted",
  "42501": "no_right",
  "25006": "no_right",
  "42883": "not_set_up",
  "42P01": "not_set_up",
  "3F000": "not_set_up",
};

/** The database's error as one of this package; ours and core's stay what they are. */
export function writerError(error: unknown): WriterError {
  if (error instanceof WriterError) return error;
  const causes = causesOf(error);
  const state = sqlState(error);
  const message = messageOf(causes.at(-1), state);
  return new WriterError(codeOf(causes, state), message, { cause: error });
}

function codeOf(causes: readonly unknown[], state: string | undefined): WriterErrorCode {
  const known = state === undefined ? undefined : BY_STATE[state];
  if (known !== undefined) return known;
  // A connection that could not be made is no different to the caller: record the event again.
  return causes.some((cause) => connectionLoss(cause) !== undefined) ? "connection_lost" : "database";
}

/** The server's own words, with its hint: drizzle's wrapper repeats the statement and all its parameters instead. */
function messageOf(source: unknown, state: string | undefined): string {
  if (!(source instanceof Error)) return String(source);
  const hint = "hint" in source && typeof source.hint === "string" && source.hint !== "" ? ` ${source.hint}` : "";
  const message = source.message || ("code" in source ? String(source.code) : source.name);
  if (state === "42883" || state === "42P01") {
    return `${message}. The audit chain is not set up in this database, or by an older release: run audit-chain init.`;
  }
  return hint === "" ? message : `${message}.${hint}`;
}

/** An error and what has caused it, the innermost last: drizzle wraps the driver's error, which has the code. */
function causesOf(error: unknown): unknown[] {
  const causes = [error];
  for (let current = error; causes.length < 9 && current instanceof Error && current.cause instanceof Error;) {
    current = current.cause;
    causes.push(current);
  }
  return causes;
}
