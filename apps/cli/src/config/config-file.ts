import { configFile, currentMember, readConfig } from "@scidex/audit-command";
import { type AuditConfig, parseAuditConfig } from "./audit-config.ts";

/** A configuration, and the file that it stands in, as it was named. */
export interface ConfigFile extends AuditConfig {
  readonly file: string;
}

/**
 * The configuration: of the file that was named, else of `AUDIT_CONFIG`, else of `audit.config.json` in the current
 * folder. Undefined where none is named and there is none.
 *
 * @throws {CommandError} `configuration` where it cannot be read, or is not one
 */
export async function readConfigFile(named: string | undefined): Promise<ConfigFile | undefined> {
  return await readConfig(named ?? configFile(), (text, file) => ({
    file,
    ...parseAuditConfig(text, currentMember()?.name),
  }));
}
