import { CommandError } from "../command-error.ts";
import type { Environment } from "../environment.ts";
import { nearestName } from "../nearest-name.ts";
import type { Settings } from "../settings.ts";
import { hasName, withName } from "./databases.ts";
import type { Member } from "./member.ts";
import { requireApart } from "./require-apart.ts";

/** Several databases, on which a command works side by side. */
export interface Fleet {
  /** The file that names them. */
  readonly file: string;
  readonly members: readonly Member[];
  /** Those of the file that `--only` leaves out. */
  readonly leftOut: readonly string[];
}

/** The options by which commands are told of a fleet. */
export interface FleetFlags {
  readonly only?: string;
}

export const ONLY = [
  "--only <names>",
  "of a configuration with several databases, only these: comma-separated names",
] as const;

/**
 * The fleet that a configuration names; undefined where it is of one database. What a database says for itself counts before
 * the environment, and that before what databases have in common; `{name}` in either is the database's name.
 *
 * @throws {CommandError} `usage` for a name that is not there; `configuration` where two databases would have one origin, sink,
 *   key or state, whether they were asked for or not: each could stand for the other
 */
export function fleetOf(
  file: string,
  { databases, environment: shared }: Settings,
  { only }: FleetFlags,
  env: Environment = process.env,
): Fleet | undefined {
  if (databases === undefined) {
    if (only === undefined) return undefined;
    throw new CommandError("usage", `--only is for a configuration with several databases, and ${file} names none`);
  }
  const given = env["AUDIT_DATABASE_URL"]?.trim() ?? "";
  if (given !== "" && !hasName(given))
    throw wrong(
      `AUDIT_DATABASE_URL names one database, and ${file} several; expected it not to be set, or {name} in it`,
    );
  const all = [...databases].map(([name, own]): Member => ({
    name,
    environment: environmentOf(name, own, shared, env),
  }));
  for (const { name, environment } of all)
    for (const variable of ["AUDIT_DATABASE_URL", "AUDIT_ORIGIN"])
      if ((environment[variable] ?? "") === "")
        throw wrong(
          `${file}: databases[${JSON.stringify(name)}] has no ${variable === "AUDIT_ORIGIN" ? "origin" : "database"}`,
        );
  requireApart(file, all);
  const asked = only === undefined ? [...databases.keys()] : askedFor(only, [...databases.keys()], file);
  return {
    file,
    members: all.filter(({ name }) => asked.includes(name)),
    leftOut: all.flatMap(({ name }) => (asked.includes(name) ? [] : [name])),
  };
}

function environmentOf(
  name: string,
  own: ReadonlyMap<string, string>,
  shared: ReadonlyMap<string, string>,
  env: Environment,
): Record<string, string | undefined> {
  const { DATABASE_URL: _, ...inherited } = env;
  const found: Record<string, string | undefined> = {};
  for (const [variable, value] of Object.entries(inherited))
    found[variable] = variable.startsWith("AUDIT_") && value !== undefined ? withName(value, name) : value;
  for (const [variable, value] of own) found[variable] = withName(value, name);
  for (const [variable, value] of shared)
    // What it says for itself counts, also that it has no sinks.
    if (!own.has(variable) && (found[variable] ?? "").trim() === "") found[variable] = withName(value, name);
  return found;
}

function askedFor(only: string, names: readonly string[], file: string): readonly string[] {
  const asked = only.split(",").map((name) => name.trim());
  for (const name of asked) {
    if (names.includes(name)) continue;
    const meant = nearestName(name, names);
    const advice = meant === undefined ? `expected ${names.join(", ")}` : `did you mean ${meant}?`;
    throw new CommandError("usage", `--only: ${file} names no database ${JSON.stringify(name)}; ${advice}`);
  }
  return asked;
}

const wrong = (what: string): CommandError => new CommandError("configuration", what);
