import { type CommandContext, fleetFile, useConfig } from "@scidex/audit-command";
import type { Command } from "commander";
import { usage } from "./errors.ts";
import type { FleetOverview } from "./fleet-overview.ts";

interface FleetFlags {
  readonly fleet?: string;
  readonly only?: string;
  readonly bundle?: string;
  readonly overview?: string;
}

/** Only where it is named: a file that happens to lie there must not say what an auditor looks at. */
export async function useFleet(context: CommandContext, command: Command, page: FleetOverview): Promise<void> {
  const { fleet: named, only, bundle, overview } = command.opts<FleetFlags>();
  // Where the environment names a fleet, a bundle can be verified all the same.
  const fleet = named ?? (bundle === undefined ? fleetFile() : undefined);
  if (fleet === undefined && only === undefined) return await page.expect(overview, undefined);
  if (fleet === undefined)
    throw usage("--only is for several databases: name the file with them by --fleet or AUDIT_FLEET");
  if (bundle !== undefined) throw usage("--bundle is for one log, and --fleet for several databases");
  await page.expect(overview, await useConfig(context, command, { named: fleet, isEach: true }));
}
