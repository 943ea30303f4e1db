import { CodedError } from "@scidex/audit-core";

/**
 * Why a table could not be chained.
 *
 * - `unknown_table`: there is no such table.
 * - `unknown_column`: `orderBy` names a column that not every table has, or one that cannot be ordered.
 * - `not_attached`: the table is not attached.
 * - `not_set_up`: the database has no audit chain.
 * - `readmit_needed`: the table is complete, and yet has rows that are not chained.
 * - `columns_changed`: columns that the configuration covers are gone or have another name.
 * - `no_right`: the login may not read the table as a whole, or not chain its rows.
 * - `busy`: the locks could not be taken in some two minutes.
 * - `stuck`: rows stay unchained although nothing is in their way.
 */
export type BackfillErrorCode =
  | "unknown_table"
  | "unknown_column"
  | "not_attached"
  | "not_set_up"
  | "readmit_needed"
  | "columns_changed"
  | "no_right"
  | "busy"
  | "stuck";

/** The one error class of this package. What has been chained until then stays chained. */
export class BackfillError extends CodedError<BackfillErrorCode> {
  override readonly name = "BackfillError";
}
