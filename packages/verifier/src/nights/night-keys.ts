import { agentKey, readSecretFile } from "@scidex/audit-command";
import { headTrust, type HeadTrust, parseKeyFile, type PublisherKeys, vkeysOf } from "@scidex/audit-core";
import { configuration, messageOf } from "../command/errors.ts";

/**
 * The verifier's own keys: a file as `audit-chain keygen` makes it.
 *
 * @throws {CommandError} `configuration` where it is missing, is no key file, or others may read it
 */
export async function readNightKeys(file: string): Promise<PublisherKeys> {
  try {
    return parseKeyFile(await readSecretFile(file), agentKey);
  } catch (error) {
    throw configuration(
      `--sign ${file}: ${messageOf(error)}. audit-chain keygen --name NAME --out ${file} makes the verifier's own keys`,
      error,
    );
  }
}

/** What trusts just these keys. */
export const trustOfKeys = (keys: PublisherKeys): HeadTrust => headTrust(vkeysOf(keys), keys.origin);
