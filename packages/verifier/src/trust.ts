import { type NoteVerifier, parseVerifierKey, type TrustPolicy } from "@scidex/audit-core";
import { EMPTY_STATE, type HeadLog, type LogTrust, VerifierError, type VerifierState } from "@scidex/audit-reader";
import type { Policy } from "./coverage/policy.ts";

/** What a verification believes: all of it comes from outside the database. */
export interface Trust {
  /** The log's name. Default: that of the policy, else whatever the keys are of. */
  readonly origin?: string | undefined;
  /** Verifier keys (vkeys) of the publisher: of the log and of its time-stamping. */
  readonly keys?: readonly string[] | undefined;
  /** Where published heads are read: sinks. */
  readonly heads?: readonly HeadLog[] | undefined;
  /**
   * SHA-256 of beginnings of logs that are followed beside those of the policy, in hex, oldest first: what a publisher has
   * begun itself.
   */
  readonly followed?: readonly string[] | undefined;
  /** Who must have cosigned the newest head (c2sp.org/tlog-policy). Without it nobody need have. */
  readonly witnesses?: TrustPolicy | undefined;
  /** What must be covered. */
  readonly policy?: Policy | null | undefined;
  /** What was remembered of the verification before: its `state`. */
  readonly state?: VerifierState | undefined;
}

/** The same, with its keys parsed. */
export interface ParsedTrust extends LogTrust {
  readonly sinks: readonly HeadLog[];
  readonly policy: Policy | null;
  readonly state: VerifierState;
}

/** @throws {VerifierError} `keys_malformed`, `origin_missing` */
export function parseTrust({
  keys = [],
  heads = [],
  policy = null,
  state = EMPTY_STATE,
  ...trust
}: Trust): ParsedTrust {
  const verifiers = keys.map(parseKey);
  const origin = trust.origin ?? policy?.origin ?? undefined;
  // Whoever may edit a sink could else put the heads of one of the logs in the place of another's.
  const logs = new Set(verifiers.filter(({ type }) => type === 1).map(({ name }) => name));
  if (origin === undefined && logs.size > 1)
    throw new VerifierError(
      "origin_missing",
      `The keys are those of several logs (${[...logs].join(", ")}): say whose heads are expected, with AUDIT_ORIGIN or the policy's origin.`,
    );
  const followed = new Set([...(policy?.logs ?? []).map(({ statement }) => statement), ...(trust.followed ?? [])]);
  const { witnesses } = trust;
  return { verifiers, origin, followed, retired: policy?.retiredKeys, witnesses, sinks: heads, policy, state };
}

function parseKey(key: string): NoteVerifier {
  try {
    return parseVerifierKey(key);
  } catch (error) {
    throw new VerifierError(
      "keys_malformed",
      `The verifier key ${JSON.stringify(key.slice(0, 80))} cannot be read: ${error instanceof Error ? error.message : ""}. audit-chain keygen prints the two keys.`,
      { cause: error },
    );
  }
}
