/**
 * The databases of a configuration that names several: a fleet. What they have in common stands beside them, and `{name}` in
 * it is a database's name there.
 *
 *     {
 *       "origin": "example.org/{name}",
 *       "sinks": ["file:/data/audit/{name}.log"],
 *       "databases": {
 *         "eu": { "database": "postgres://audit@eu.example.org/app" },
 *         "us": { "database": "postgres://audit@us.example.org/app", "password_file": "/run/secrets/us" }
 *       }
 *     }
 */
import type { JsonValue } from "@scidex/audit-core";
import { CommandError } from "../command-error.ts";
import { requireKnown } from "../nearest-name.ts";

/** What a database of a fleet can say for itself. `tables` is read by `audit-chain sync`. */
export const DATABASE_MEMBERS = [
  "database",
  "password_file",
  "schema",
  "role_prefix",
  "origin",
  "sinks",
  "tables",
] as const;

/** What stands for a database's name in what databases have in common. */
const PLACEHOLDER = "{name}";

/** Names go into paths and URLs: no name may lead out of a folder, and no two may differ in upper and lower case only. */
const NAME = /^[a-z0-9][a-z0-9_.-]{0,62}$/u;

/** The text with a database's name in it. */
export const withName = (text: string, name: string): string => text.replaceAll(PLACEHOLDER, name);

/** Whether it differs from one database to the next. */
export const hasName = (text: string): boolean => text.includes(PLACEHOLDER);

/**
 * The entries of `databases`, by their names; undefined where there is no such member.
 *
 * @throws {CommandError} `configuration`, naming the member by its path
 */
export function databaseEntries(
  databases: JsonValue | undefined,
): ReadonlyMap<string, { readonly [member: string]: JsonValue }> | undefined {
  if (databases === undefined) return undefined;
  if (!isObject(databases) || Object.keys(databases).length === 0)
    throw wrong('databases must be an object with at least one, such as {"eu":{"database":"postgres://audit@eu/app"}}');
  const entries = new Map<string, { readonly [member: string]: JsonValue }>();
  for (const [name, entry] of Object.entries(databases)) {
    const at = `databases[${JSON.stringify(name)}]`;
    if (!NAME.test(name))
      throw wrong(
        `${at}: expected a name of lower-case letters, digits, ".", "_" and "-", at most 63, a letter or digit first`,
      );
    if (!isObject(entry)) throw wrong(`${at} must be an object`);
    requireKnown(entry, DATABASE_MEMBERS, `${at}.`);
    entries.set(name, entry);
  }
  return entries;
}

const isObject = (value: JsonValue | undefined): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const wrong = (what: string): CommandError => new CommandError("configuration", what);
