import { CodedError } from "@scidex/audit-core";

/**
 * - `not_initialised`: there is no audit chain in the database.
 * - `policy_malformed`, `state_malformed`: a file that cannot be read as what it should be.
 * - `range_invalid`: a range or shard that does not exist.
 * - `keys_malformed`: a verifier key that cannot be read.
 * - `origin_missing`: keys of several logs, and nothing says which of them is meant.
 * - `server_unknown`: a major version of PostgreSQL whose catalogs this release does not know.
 * - `protocol`: the server sent what this program does not understand.
 * - `disk`: what has to be sorted does not fit in memory, and cannot be kept on the disk.
 * - `not_provable`: an event of which no proof can be made now: it is not recorded, no published head covers it yet, or
 *   what was read is not what was signed.
 */
export type VerifierErrorCode =
  | "not_initialised"
  | "policy_malformed"
  | "state_malformed"
  | "range_invalid"
  | "keys_malformed"
  | "origin_missing"
  | "server_unknown"
  | "protocol"
  | "disk"
  | "not_provable";

/** Something could not be done. What was found is never an error: it is a divergence in a report. */
export class VerifierError extends CodedError<VerifierErrorCode> {
  override readonly name = "VerifierError";
}
