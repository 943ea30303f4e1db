import { CommandError, type CommandContext, configFile, ONLY, runCommand, useConfig } from "@scidex/audit-command";
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
        .hook("preAction", async (_, command) => useConfigFile(context, command))
        .description("Seals the audit chain, publishes its signed heads, verifies and alerts")
        .addCommand(withConfig(publishCommand(context)))
        .addCommand(withConfig(sealCommand(context)))
        .addCommand(withConfig(captureCommand(context)))
        .addCommand(withConfig(verifyCommand(context)))
        .addCommand(withConfig(runDaemonCommand(context)))
        .addCommand(withConfig(alertsCommand(context, alertMemoryOf)))
        .addCommand(withConfig(beginCommand(context)))
        .addCommand(withConfig(rotateKeyCommand(context)))
        .addHelpText("after", "\nExample:\n  audit-publisher publish && audit-publisher verify --since-head 24h"),
    argv,
  );
}

const withConfig = (command: Command): Command => command.option(...CONFIG).option(...ONLY);

/** Commands that can work on several databases. A log that begins or changes its key is looked after by somebody. */
const EACH: ReadonlySet<string> = new Set(["publish", "seal", "verify", "run"]);

/** Only where it is named: whoever holds a key takes nothing from a file that happens to lie in the current folder. */
async function useConfigFile(context: CommandContext, command: Command): Promise<void> {
  const { config = configFile(), only, watch } = command.opts<{ config?: string; only?: string; watch?: true }>();
  if (config === undefined && only === undefined) return;
  if (config === undefined)
    throw new CommandError(
      "usage",
      "--only is for a configuration with several databases: name it by --config or AUDIT_CONFIG",
    );
  // A sealer that goes on is told of databases that come and go by whoever starts it; run does the same for all of them.
  const isEach = EACH.has(command.name()) && watch === undefined;
  await useConfig(context, command, { named: config, isEach, isGoingOn: command.name() === "run" });
}
