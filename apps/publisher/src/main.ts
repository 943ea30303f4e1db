import { type CommandContext, configFile, readSettings, runCommand, useSettings } from "@scidex/audit-command";
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

const CONFIG = ["--config <file>", "database, origin, sinks, schedules, alerts; default AUDIT_CONFIG"] as const;

/** The audit-publisher command line. */
export async function main(argv: readonly string[] = process.argv): Promise<void> {
  await runCommand(
    (context: CommandContext) =>
      new Command("audit-publisher")
        .version(VERSION)
        .hook("preAction", useConfigFile)
        .description("Seals the audit chain, publishes its signed heads, verifies and alerts")
        .addCommand(publishCommand(context).option(...CONFIG))
        .addCommand(sealCommand(context).option(...CONFIG))
        .addCommand(captureCommand(context).option(...CONFIG))
        .addCommand(verifyCommand(context).option(...CONFIG))
        .addCommand(runDaemonCommand(context).option(...CONFIG))
        .addCommand(alertsCommand(context, alertMemoryOf))
        .addCommand(beginCommand(context).option(...CONFIG))
        .addCommand(rotateKeyCommand(context).option(...CONFIG))
        .addHelpText("after", "\nExample:\n  audit-publisher publish && audit-publisher verify --since-head 24h"),
    argv,
  );
}

/** Only where it is named: whoever holds a key takes nothing from a file that happens to lie in the current folder. */
async function useConfigFile(_: Command, command: Command): Promise<void> {
  const { config = configFile() } = command.opts<{ config?: string }>();
  const settings = config === undefined ? undefined : await readSettings(config);
  if (settings !== undefined) useSettings(settings, command);
}
