import { type CommandContext, runCommand } from "@scidex/audit-command";
import { alertsCommand } from "@scidex/audit-verifier/alerts";
import { Command } from "commander";
import { beginCommand } from "./command/begin-command.ts";
import { captureCommand } from "./command/capture-command.ts";
import { publishCommand } from "./command/publish-command.ts";
import { rotateKeyCommand } from "./command/rotate-key-command.ts";
import { runDaemonCommand } from "./command/run-daemon-command.ts";
import { sealCommand } from "./command/seal-command.ts";
import { verifyCommand } from "./command/verify-command.ts";
import { alertMemoryOf } from "./command/verify-settings.ts";
import { VERSION } from "./version.ts";

/** The audit-publisher command line. */
export async function main(argv: readonly string[] = process.argv): Promise<void> {
  await runCommand(
    (context: CommandContext) =>
      new Command("audit-publisher")
        .version(VERSION)
        .description("Seals the audit chain, publishes its signed heads, verifies and alerts")
        .addCommand(publishCommand(context))
        .addCommand(sealCommand(context))
        .addCommand(captureCommand(context))
        .addCommand(verifyCommand(context))
        .addCommand(runDaemonCommand(context))
        .addCommand(alertsCommand(context, alertMemoryOf))
        .addCommand(beginCommand(context))
        .addCommand(rotateKeyCommand(context))
        .addHelpText("after", "\nExample:\n  audit-publisher publish && audit-publisher verify --since-head 24h"),
    argv,
  );
}
