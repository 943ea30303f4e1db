import { runCommand } from "@scidex/audit-command";
import { otherApplication } from "./other-applications.ts";
import { auditChain } from "./program.ts";

/** The `audit-chain` executable: runs the process's command line and ends the process. */
export async function main(): Promise<void> {
  const other = otherApplication(process.argv);
  if (other === undefined) {
    await runCommand((context) => auditChain(context, process.argv));
  } else {
    process.argv = other.argv;
    await other.run();
  }
}
