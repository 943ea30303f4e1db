import { type CommandContext, runCommand } from "@scidex/audit-command";
import { Command } from "commander";
import { publishCommand } from "./publish-command.ts";
import { sealCommand } from "./seal-command.ts";

/** The audit-publisher command line. */
export async function main(argv: readonly string[] = process.argv): Promise<void> {
  await runCommand(
    (context: CommandContext) =>
      new Command("audit-publisher")
        .description("Seals the audit chain and publishes its signed heads")
        .addCommand(publishCommand(context))
        .addCommand(sealCommand(context)),
    argv,
  );
}
