import { CodedError } from "@scidex/audit-core";

/**
 * Why something could not be done. A broken chain is not an error: it is a result of `verifyChain`.
 *
 * - `no_secret`: no secret was given and `AUDIT_LEDGER_SALT` is not set or empty
 * - `database_url`: `AUDIT_LEDGER_DB` (or the URL given) is of no known form
 * - `missing_database`: reading, and there is no such file; nothing was created
 * - `missing_table`: reading, and the database has no table `audit_events`
 * - `unreachable`: the database could not be opened, or a statement failed
 * - `busy`: other writers held the database for longer than was allowed
 * - `isolation`: the caller's transaction reads from a snapshot that may be older than the agent's lock
 * - `damaged_chain`: the agent's rows form a circle, so there is no last one to continue
 * - `invalid_event`: a member of the event is of the wrong form
 * - `invalid_filter`: a time or a number in a filter is of the wrong form
 * - `no_chain`: the audit database has no audit chain, so nothing can be anchored or compared
 * - `anchor_conflict`: the audit chain holds another anchor for the same number of events
 * - `closed`: the handle has been closed
 */
export type LedgerErrorCode =
  | "no_secret"
  | "database_url"
  | "missing_database"
  | "missing_table"
  | "unreachable"
  | "busy"
  | "isolation"
  | "damaged_chain"
  | "invalid_event"
  | "invalid_filter"
  | "no_chain"
  | "anchor_conflict"
  | "closed";

/** The one error class of this package. Its message never holds a secret, a password or hashed content. */
export class LedgerError extends CodedError<LedgerErrorCode> {
  override readonly name = "LedgerError";
}
