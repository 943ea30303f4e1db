import { runCommand } from "@scidex/audit-command";
import { verifyCommand } from "./command.ts";

/** The `audit-verify` executable: runs the process's command line and ends the process. */
export async function main(): Promise<void> {
  await runCommand(verifyCommand);
}
