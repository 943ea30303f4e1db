import { readFile } from "node:fs/promises";
import { trustPolicyFile } from "@scidex/audit-command";
import { type NoteVerifier, parseTrustPolicy, type TrustPolicy } from "@scidex/audit-core";
import { configuration, messageOf } from "./errors.ts";

/**
 * The trust policy that `AUDIT_TRUST_POLICY` names (c2sp.org/tlog-policy); undefined where it is not set.
 *
 * @param keys those by which heads are believed: where the policy names logs, one of these must be among them
 * @throws {CommandError} `configuration` where it cannot be read, is not one, or is of other logs
 */
export async function readTrustPolicy(keys: readonly NoteVerifier[]): Promise<TrustPolicy | undefined> {
  const file = trustPolicyFile();
  if (file === undefined) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw configuration(`the trust policy ${file} (AUDIT_TRUST_POLICY) cannot be read: ${messageOf(error)}`, error);
  }
  let policy: TrustPolicy;
  try {
    policy = parseTrustPolicy(bytes);
  } catch (error) {
    throw configuration(`the trust policy ${file} (AUDIT_TRUST_POLICY): ${messageOf(error)}`, error);
  }
  const isKnown = policy.logs.some(({ vkey }) => keys.some((key) => key.vkey === vkey));
  if (policy.logs.length > 0 && keys.length > 0 && !isKnown)
    throw configuration(
      `the trust policy ${file} (AUDIT_TRUST_POLICY) has none of the keys of AUDIT_VERIFIER_KEYS among its logs`,
      undefined,
    );
  return policy;
}
