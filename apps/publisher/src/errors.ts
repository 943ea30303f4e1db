import { describeLostConnection } from "@scidex/audit-command";
import { CodedError } from "@scidex/audit-core";

/**
 * Why the publisher could not do its work. All are exit 3, except `configuration`, which is exit 2; a finding is never
 * one of them, it is data in the result.
 */
export type PublisherErrorCode =
  /** An option, the key file or the list of sinks is wrong. */
  | "configuration"
  /** The state file is not there. Never a first use: `keygen` makes one. */
  | "state_missing"
  /** The state file is damaged, of another version, or of another log. */
  | "state_invalid"
  /** The sinks hold heads of ours that the state does not know: an older copy of it was put back. */
  | "state_outdated"
  /** Another process has written the state file although we hold the lock. */
  | "state_changed"
  /** Another publisher of this log is running. */
  | "busy"
  /** The database is another, lacks something, is a standby, or has `audit_chain` in another shape. */
  | "database"
  /** Our clock, the database's clock, the times of new links and the last signed time don't fit together. */
  | "clock"
  /** Somebody holds the chain's lock, so that nothing can be sealed. */
  | "lock_held"
  /** Rows wait unsealed for longer than allowed. */
  | "pending_too_old"
  /** A log cannot end here, or no other begin in its place. */
  | "begin"
  /** The state can't be recovered from the sinks. */
  | "recovery"
  /** The write-ahead log cannot be followed, or what comes from it cannot be read. */
  | "stream"
  /** No table is in the mode `stream`, and none is being prepared for it. */
  | "nothing_to_follow"
  | "aborted"
  | "io";

/** Something that the publisher could not do. The message says what to do about it. */
export class PublisherError extends CodedError<PublisherErrorCode> {
  override readonly name = "PublisherError";
}

/** The errno name (`ENOENT`, …) of an error that Node.js raised, or undefined. */
export const errno = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;

export const messageOf = (error: unknown): string =>
  error instanceof Error ? (describeLostConnection(error) ?? error.message) : String(error);
