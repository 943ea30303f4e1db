import { CommandError } from "@scidex/audit-command";
import type * as Demo from "@scidex/audit-demo";

/** It brings a PostgreSQL server: 188 packages where the CLI alone has 12, and whoever only sets a chain up needs none. */
const DEMO = "@scidex/audit-demo";

const ADVICE = `the demo is the package ${DEMO}, which is not installed beside this one: run npx -p @scidex/audit-cli -p ${DEMO} audit-chain demo`;

/** The executables that the demo starts. */
export const EXECUTABLES: Demo.Executables = {
  "audit-chain": import.meta.resolve("@scidex/audit-cli/cli"),
  "audit-backfill": import.meta.resolve("@scidex/audit-backfill/cli"),
  "audit-publisher": import.meta.resolve("@scidex/audit-publisher/cli"),
  "audit-verify": import.meta.resolve("@scidex/audit-verifier/cli"),
};

/**
 * Loads the demo.
 *
 * @throws {CommandError} `failed` where its package is not installed, with the command that shows it
 */
export async function loadDemo(): Promise<typeof Demo> {
  try {
    import.meta.resolve(DEMO);
  } catch (cause) {
    throw new CommandError("failed", ADVICE, { cause });
  }
  return await import("@scidex/audit-demo");
}
