import { readFile } from "node:fs/promises";
import { CommandError, CONFIG_FILE, configFile } from "@scidex/audit-command";
import { type AuditConfig, parseAuditConfig } from "./audit-config.ts";

/** A configuration, and the file that it stands in, as it was named. */
export interface ConfigFile extends AuditConfig {
  readonly file: string;
}

/**
 * The configuration: of the file that was named, else of `AUDIT_CONFIG`, else of `audit.config.json` in the current
 * folder. Undefined where none is named and there is none. It is data: nothing of it is run.
 *
 * @throws {CommandError} `configuration` where it cannot be read, or is not one
 */
export async function readConfigFile(named: string | undefined): Promise<ConfigFile | undefined> {
  const file = named ?? configFile();
  const text = await readText(file ?? CONFIG_FILE, file === undefined);
  if (text === undefined) return undefined;
  const found = file ?? CONFIG_FILE;
  try {
    return { file: found, ...parseAuditConfig(text) };
  } catch (cause) {
    throw new CommandError("configuration", `${found}: ${reasonOf(cause)}`, { cause });
  }
}

async function readText(file: string, isOptional: boolean): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    if (isOptional && cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new CommandError("configuration", `the configuration ${file} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
