import type { Command } from "commander";
import { CommandError } from "../command-error.ts";
import type { CommandContext } from "../run-command.ts";
import { CONFIG_FILE, readSettings, useSettings } from "../settings.ts";
import { type FleetFlags, fleetOf } from "./fleet.ts";

export interface ConfigUse {
  /** The file; undefined for `audit.config.json` of the current folder, which need not be there. */
  readonly named: string | undefined;
  /** Whether the command can be run for each of several databases; else one of them has to be chosen. */
  readonly isEach: boolean;
  /** Whether it goes on until it is stopped. */
  readonly isGoingOn?: boolean;
}

/**
 * Lets a configuration count for the command that is about to run: its settings, or each of its databases.
 *
 * @throws {CommandError} `usage`, `configuration`
 */
export async function useConfig(
  context: Pick<CommandContext, "over">,
  command: Command,
  { named, isEach, isGoingOn = false }: ConfigUse,
): Promise<void> {
  const { only } = command.opts<FleetFlags>();
  const settings = await readSettings(named);
  if (settings === undefined) {
    if (only !== undefined) throw usage("--only is for a configuration with several databases, and there is none");
    return;
  }
  const file = named ?? CONFIG_FILE;
  const fleet = fleetOf(file, settings, only === undefined ? {} : { only });
  if (fleet === undefined) return useSettings(settings, command);
  useSettings({ environment: new Map(), options: settings.options }, command);
  if (isEach) return context.over(fleet, { isGoingOn });
  const [member, ...others] = fleet.members;
  if (member === undefined || others.length > 0)
    throw usage(`${file} names several databases, and ${command.name()} works on one; say which with --only NAME`);
  delete process.env["DATABASE_URL"];
  Object.assign(process.env, member.environment);
}

const usage = (message: string): CommandError => new CommandError("usage", message);
