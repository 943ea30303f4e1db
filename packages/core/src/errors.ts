import { CodedError } from "./coded-error.ts";

/**
 * What can be wrong with an input of this package, as a closed list. Callers switch on the code, never on the message;
 * the verifier maps codes to findings.
 *
 * | code | said of |
 * | --- | --- |
 * | `json_unsupported` | a value without a faithful JSON form: `undefined`, functions, symbols, Map, Set, class instances … |
 * | `json_number` | NaN, an infinity or an invalid Date |
 * | `json_surrogate` | text with a lone surrogate, which has no UTF-8 form |
 * | `json_cycle` | a value that contains itself |
 * | `json_too_deep` | more than `MAX_JSON_DEPTH` levels |
 * | `json_too_long` | more than `MAX_JSON_CHARS` characters read, `MAX_CANONICAL_CHARS` or `MAX_JSON_VALUES` written |
 * | `json_syntax` | text that is not RFC 8259 JSON |
 * | `json_duplicate_name` | an object with the same member name twice |
 * | `json_lossy_number` | a number that a double cannot hold without changing its decimal value |
 * | `hex_malformed` | not lower-case hex of whole bytes |
 * | `base64_malformed` | not the canonical padded standard base64 of its bytes |
 * | `hash_length` | a hash that does not have 32 bytes |
 * | `salt_length` | a salt that does not have 16 bytes |
 * | `time_malformed` | not the one accepted form of a time |
 * | `time_range` | a time outside the years 2000 to 9999 |
 * | `seq_range` | a seq outside its bounds |
 * | `kind_malformed` | an event kind that is too long or not well-formed Unicode |
 * | `pk_malformed` | an event key that is missing, too long or not well-formed Unicode |
 * | `leaf_malformed` | text that is not a leaf in its canonical form |
 * | `tree_range` | a tree size or leaf index outside its bounds |
 * | `proof_malformed` | a proof with the wrong number or length of hashes, or text that is not a tlog-proof |
 * | `proof_mismatch` | a well-formed proof that does not prove what it should |
 * | `tile_malformed` | bytes that are not a tile, or not a bundle of entries, of that width |
 * | `event_mismatch` | a proof that holds, of another event than was asked about |
 * | `name_malformed` | a key name or an origin with spaces, `+`, control characters, or too long |
 * | `key_malformed` | a signer or verifier key that cannot be read |
 * | `key_unsupported` | an ML-DSA-44 key where this Node.js has no ML-DSA |
 * | `note_malformed` | text that is not a signed note |
 * | `signature_missing` | a note without a signature by a key that must have signed it |
 * | `signature_invalid` | a note with a signature line of a known key that does not verify |
 * | `retired_key` | a checkpoint that is signed with a key which had been replaced by then |
 * | `witness_missing` | a checkpoint that the quorum of the trust policy has not cosigned, or none of its logs has signed |
 * | `trust_policy_malformed` | bytes that are not a tlog-policy |
 * | `checkpoint_malformed` | note text that is not a checkpoint without extension lines |
 * | `origin_mismatch` | a checkpoint or a statement of another log |
 * | `head_malformed` | a line that is not a head in its one accepted form |
 * | `head_member_mismatch` | a head with a member that its signed checkpoint or its leaf contradicts |
 * | `statement_malformed` | a line, or the text of its note, that is not a statement in its one accepted form |
 * | `night_malformed` | a line, or the text of its note, that is not a night in its one accepted form |
 * | `place_malformed` | a schema or a prefix of roles that a chain cannot have |
 * | `key_file_malformed` | text that is not a publisher's key file |
 */
export type CoreErrorCode =
  | "json_unsupported"
  | "json_number"
  | "json_surrogate"
  | "json_cycle"
  | "json_too_deep"
  | "json_too_long"
  | "json_syntax"
  | "json_duplicate_name"
  | "json_lossy_number"
  | "hex_malformed"
  | "base64_malformed"
  | "hash_length"
  | "salt_length"
  | "time_malformed"
  | "time_range"
  | "seq_range"
  | "kind_malformed"
  | "pk_malformed"
  | "leaf_malformed"
  | "tree_range"
  | "proof_malformed"
  | "proof_mismatch"
  | "tile_malformed"
  | "event_mismatch"
  | "name_malformed"
  | "key_malformed"
  | "key_unsupported"
  | "note_malformed"
  | "signature_missing"
  | "signature_invalid"
  | "retired_key"
  | "witness_missing"
  | "trust_policy_malformed"
  | "checkpoint_malformed"
  | "origin_mismatch"
  | "head_malformed"
  | "head_member_mismatch"
  | "statement_malformed"
  | "night_malformed"
  | "place_malformed"
  | "key_file_malformed";

/**
 * The only error that this package throws on purpose. Messages never hold key material, and quote hostile text only
 * through `JSON.stringify`, cut short; whoever prints them on a terminal still escapes them.
 */
export class CoreError extends CodedError<CoreErrorCode> {
  override readonly name = "CoreError";
}

/** Hostile text made fit for a message: quoted, escaped and at most 60 characters of it. */
export function quoted(text: string): string {
  return text.length > 60 ? `${JSON.stringify(text.slice(0, 60))}…` : JSON.stringify(text);
}
