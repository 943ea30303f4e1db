import { required, signingKeyFile } from "@scidex/audit-command";

/** The path of the publisher's keys. @throws {CommandError} `configuration` where the environment does not say it */
export const requiredKeyFile = (): string =>
  required("AUDIT_SIGNING_KEY_FILE", signingKeyFile(), "the path of the file that audit-chain keygen made");
