import { CodedError } from "@scidex/audit-core";

/**
 * Why the set-up could not be done.
 *
 * - `other_shape`: there is an `audit_chain` that this package did not make.
 * - `newer_schema`: the database was set up by a newer release.
 * - `migration_changed`: an applied migration is not the one that this release ships.
 * - `no_right`: the role may not do it.
 * - `contention`: other set-ups on the same server kept getting in the way.
 * - `migrations_missing`: the package is incomplete.
 * - `not_repairable`: what a repair rests on is missing, or is not ours.
 * - `not_adoptable`: there is no earlier chain that could be taken over.
 * - `in_use`: something that is not ours depends on what is to be removed.
 */
export type SchemaErrorCode =
  | "other_shape"
  | "newer_schema"
  | "migration_changed"
  | "no_right"
  | "contention"
  | "migrations_missing"
  | "not_repairable"
  | "not_adoptable"
  | "in_use";

/** The one error class of this package. `cause` is the database's own error where there is one. */
export class SchemaError extends CodedError<SchemaErrorCode> {
  override readonly name = "SchemaError";
}
