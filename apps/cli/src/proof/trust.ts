import { CommandError, origin, policyFile } from "@scidex/audit-command";
import type { ProofTrust } from "@scidex/audit-core";
import type { Policy } from "@scidex/audit-verifier";
import { parseKeys, readKeys, readPolicy, readTrustPolicy } from "@scidex/audit-verifier/command";

/**
 * What the environment says is to be believed.
 *
 * @throws {CommandError} `configuration`
 */
export async function readTrust(): Promise<ProofTrust> {
  const verifiers = parseKeys(await readKeys());
  if (verifiers.length === 0)
    throw new CommandError(
      "configuration",
      "AUDIT_VERIFIER_KEYS is not set: a proof is believed by the log's two verifier keys, which its publisher has given you",
    );
  const logs = new Set(verifiers.filter(({ type }) => type === 1).map(({ name }) => name));
  if (origin() === undefined && logs.size > 1)
    throw new CommandError(
      "configuration",
      `AUDIT_VERIFIER_KEYS has keys of several logs (${[...logs].join(", ")}): say with AUDIT_ORIGIN whose proof is expected`,
    );
  const policy = await readPolicyOfEnvironment();
  const witnesses = await readTrustPolicy(verifiers);
  return { verifiers, origin: origin(), witnesses, retired: policy?.retiredKeys };
}

/** The policy of `AUDIT_POLICY`: it says which logs have followed the first one. */
export async function readPolicyOfEnvironment(): Promise<Policy | null> {
  const file = policyFile();
  return file === undefined ? null : await readPolicy(file);
}
