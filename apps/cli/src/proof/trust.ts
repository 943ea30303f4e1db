import { CommandError, origin } from "@scidex/audit-command";
import type { HeadTrust } from "@scidex/audit-core";
import { parseKeys, readKeys } from "@scidex/audit-verifier/command";

/**
 * What the environment says is to be believed.
 *
 * @throws {CommandError} `configuration`
 */
export async function readTrust(): Promise<HeadTrust> {
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
  return { verifiers, origin: origin() };
}
