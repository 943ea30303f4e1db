import type { Command } from "commander";
import { CommandError } from "../command-error.ts";
import type { CommandContext } from "../run-command.ts";
import { CONFIG_FILE, readSettings, useSettings } from "../settings.ts";
import { type Fleet, type FleetFlags, fleetOf } from "./fleet.ts";

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
 * @returns the fleet, where there are several
 * @throws {CommandError} `usage`, `configuration`
 */
export async function useConfig(
  context: Pick<CommandContext, "over">,
  command: Command,
  { named, isEach, isGoingOn = false }: ConfigUse,
): Promise<Fleet | undefined> {
  const { only } = command.opts<FleetFlags>();
  const settings = await readSettings(named);
  if (settings === undefined) {
    if (only !== undefined) throw usage("--only is for a configuration with several databases, and there is none");
    return undefined;
  }
  const file = named ?? CONFIG_FILE;
  const fleet = fleetOf(file, settings, only === undefined ? {} : { only });
  if (fleet === undefined) {
    useSettings(settings, command);
    return undefined;
  }
  useSettings({ environment: new Map(), options: settings.options }, command);
  if (isEach) {
    context.over(fleet, { isGoingOn });
    return fleet;
  }
  const [member, ...others] = fleet.members;
  if (member === undefined || others.length > 0)
    throw usage(`${file} names several databases, and ${command.name()} works on one; say which with --only NAME`);
  delete process.env["DATABASE_URL"];
  Object.assign(process.env, member.environment);
  return fleet;
}

const usage = (message: string): CommandError => new CommandError("usage", message);
