import { type CommandContext, fleetFile, useConfig } from "@scidex/audit-command";
import type { Command } from "commander";
import { usage } from "./errors.ts";

interface FleetFlags {
  readonly fleet?: string;
  readonly only?: string;
  readonly bundle?: string;
}

/** Only where it is named: a file that happens to lie there must not say what an auditor looks at. */
export async function useFleet(context: CommandContext, command: Command): Promise<void> {
  const { fleet = fleetFile(), only, bundle } = command.opts<FleetFlags>();
  if (fleet === undefined && only === undefined) return;
  if (fleet === undefined)
    throw usage("--only is for several databases: name the file with them by --fleet or AUDIT_FLEET");
  if (bundle !== undefined) throw usage("--bundle is for one log, and --fleet for several databases");
  await useConfig(context, command, { named: fleet, isEach: true });
}
