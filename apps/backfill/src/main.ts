import { runCommand } from "@scidex/audit-command";
import { backfillCommand } from "./command.ts";

/** The `audit-backfill` executable: runs the process's command line and ends the process. */
export async function main(): Promise<void> {
  await runCommand(backfillCommand);
}
