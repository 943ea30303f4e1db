import { access, writeFile } from "node:fs/promises";
import { CommandError, databaseUrl, origin, redactUrl, sinkUrls } from "@scidex/audit-command";
import { isDefaultPlace, jsonText, type Place } from "@scidex/audit-core";

const SCHEMA = "./node_modules/@scidex/audit-cli/audit.config.schema.json";

/** Before anything is done: a file that is there is somebody's. @throws {CommandError} `usage` */
export async function requireNoConfig(file: string): Promise<void> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere) throw new CommandError("usage", `${file} is there already, and is not written over`);
}

/**
 * Writes what the environment says into a configuration, without the database's password. Which tables are audited is left to
 * whoever knows them.
 *
 * @param at where the chain is
 * @throws {CommandError} `failed` where it cannot be written
 */
export async function writeConfig(file: string, at: Place): Promise<void> {
  const sinks = sinkUrls();
  const name = origin();
  const config = {
    $schema: SCHEMA,
    database: withoutPassword(databaseUrl()),
    ...(isDefaultPlace(at) ? {} : { schema: at.schema, role_prefix: at.rolePrefix }),
    ...(name === undefined ? {} : { origin: name }),
    ...(sinks.length === 0 ? {} : { sinks }),
  };
  try {
    await writeFile(file, `${jsonText(config, 2)}\n`, { flag: "wx" });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError("failed", `the chain is set up, and ${file} cannot be written: ${why}`, { cause });
  }
}

/** What hides it elsewhere is taken out: it would be read as one. */
const withoutPassword = (url: string): string => redactUrl(url).replace(/:\*{3}@/u, "@");
