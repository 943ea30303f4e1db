import { witnessUrls } from "@scidex/audit-command";
import { readTrustPolicy } from "@scidex/audit-verifier/command";
import type { PublishOptions } from "../publish/publish-options.ts";

/**
 * The witnesses of AUDIT_SINKS and the policy of AUDIT_TRUST_POLICY.
 *
 * @throws {CommandError} `configuration`
 */
export const witnessSettings = async (): Promise<Pick<PublishOptions, "witnesses" | "trustPolicy">> => ({
  witnesses: witnessUrls(),
  // Whether a log of the policy has signed is asked of what is published.
  trustPolicy: await readTrustPolicy([]),
});
