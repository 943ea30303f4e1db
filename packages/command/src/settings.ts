/**
 * What `audit.config.json` says beside its tables: where commands work, and how. Each member stands for a variable of the
 * environment or for an option, and these win.
 *
 *     {
 *       "database": "postgres://app@db.example.org/app",
 *       "origin": "example.org/audit-chain",
 *       "sinks": ["file:/data/audit/chain_head.log"],
 *       "schedules": { "publish": "1h", "full_at": "03:00" },
 *       "alerts": { "webhook": "https://alerts.example.org/hook", "remind_every": "24h" }
 *     }
 *
 * No member says whom to believe: keys and policies are named by whoever verifies, and never by a file that developers write.
 */
import { readFile } from "node:fs/promises";
import { type JsonValue, parseJson } from "@scidex/audit-core";
import type { Command } from "commander";
import { CommandError } from "./command-error.ts";
import { DURATION_FORM, parseDuration } from "./duration.ts";
import { type Environment, isDatabaseUrl, origin } from "./environment.ts";
import { databaseEntries } from "./fleet/databases.ts";
import { environment as currentEnvironment } from "./fleet/member.ts";
import { requireKnown } from "./nearest-name.ts";

/** The file that is read where none is named, by commands that hold no key. */
export const CONFIG_FILE = "audit.config.json";

/** What a configuration says: variables by their names, options as commander names them. */
export interface Settings {
  readonly environment: ReadonlyMap<string, string>;
  readonly options: ReadonlyMap<string, string>;
  /** The variables of each database, where there are several. */
  readonly databases?: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

interface Member {
  readonly variable?: string;
  readonly option?: string;
  readonly expected: string;
  readonly isRight: (text: string) => boolean;
}

const isTaken = (read: () => unknown): boolean => {
  try {
    read();
    return true;
  } catch {
    return false;
  }
};
const isUrl = (text: string): boolean => /^https?:\/\//iu.test(text) && URL.canParse(text);
const NAME = { expected: "a name", isRight: (text: string) => text !== "" };
const every = (option: string): Member => ({
  option,
  expected: DURATION_FORM,
  isRight: (text) => isTaken(() => parseDuration(text)),
});

const MEMBERS: Readonly<Record<string, Member>> = {
  database: {
    variable: "AUDIT_DATABASE_URL",
    expected: "postgres://user@host:5432/database",
    isRight: isDatabaseUrl,
  },
  password_file: {
    variable: "AUDIT_PASSWORD_FILE",
    expected: "the path of a file with the password",
    isRight: (text) => text !== "",
  },
  schema: { variable: "AUDIT_SCHEMA", ...NAME },
  role_prefix: { variable: "AUDIT_ROLE_PREFIX", ...NAME },
  origin: {
    variable: "AUDIT_ORIGIN",
    expected: "the log's name, without white space and plus signs",
    isRight: (text) => text !== "" && isTaken(() => origin({ AUDIT_ORIGIN: text })),
  },
  "schedules.seal": every("sealEvery"),
  "schedules.publish": every("publishEvery"),
  "schedules.verify": every("verifyEvery"),
  "schedules.since_head": every("sinceHead"),
  "schedules.full_at": {
    option: "fullAt",
    expected: "hours and minutes in UTC, such as 03:00",
    isRight: (text) => /^(?:[01]\d|2[0-3]):[0-5]\d$/u.test(text),
  },
  "alerts.webhook": { variable: "AUDIT_ALERT_WEBHOOK", expected: "an http or https URL", isRight: isUrl },
  "alerts.format": { variable: "AUDIT_ALERT_FORMAT", ...NAME },
  "alerts.remind_every": every("remindEvery"),
};

const GROUPS = ["schedules", "alerts"];

/** The names of all members, those of a group with the group's name before them: `schedules.publish`. */
export const SETTINGS: readonly string[] = [...Object.keys(MEMBERS), "sinks"];

/** The file's own members that are settings. */
export const SETTING_MEMBERS: readonly string[] = [
  ...new Set(SETTINGS.map((name) => name.split(".")[0] ?? name)),
  "databases",
];

/** All members of the file. */
export const CONFIG_MEMBERS: readonly string[] = ["$schema", ...SETTING_MEMBERS, "tables"];

/**
 * The settings of a configuration's object. Members of others are passed over.
 *
 * @throws {CommandError} `configuration`, naming the member by its path
 */
export function settingsOf(config: { readonly [name: string]: JsonValue }): Settings {
  const [environment, options] = [new Map<string, string>(), new Map<string, string>()];
  for (const group of GROUPS) checkGroup(group, config[group]);
  for (const [path, { variable, option, expected, isRight }] of Object.entries(MEMBERS)) {
    const [name = "", inner] = path.split(".");
    const found = inner === undefined ? config[name] : (config[name] as Record<string, JsonValue> | undefined)?.[inner];
    if (found === undefined) continue;
    if (typeof found !== "string" || !isRight(found)) throw wrong(`${path} must be ${expected}`);
    if (variable !== undefined) environment.set(variable, found);
    if (option !== undefined) options.set(option, found);
  }
  const { sinks } = config;
  if (sinks !== undefined) environment.set("AUDIT_SINKS", sinkList(sinks));
  const databases = databaseEntries(config["databases"]);
  if (databases === undefined) return { environment, options };
  return { environment, options, databases: new Map([...databases].map(ofDatabase)) };
}

function ofDatabase([name, entry]: readonly [string, { readonly [member: string]: JsonValue }]): [
  string,
  ReadonlyMap<string, string>,
] {
  try {
    return [name, settingsOf(entry).environment];
  } catch (cause) {
    throw wrong(`databases[${JSON.stringify(name)}].${messageOf(cause)}`, cause);
  }
}

function checkGroup(group: string, value: JsonValue | undefined): void {
  if (value === undefined) return;
  const known = SETTINGS.filter((path) => path.startsWith(`${group}.`)).map((path) => path.slice(group.length + 1));
  if (!isObject(value)) throw wrong(`${group} must be an object with ${known.join(", ")}`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw wrong(`${group}.${unknown} is not known; expected ${known.join(", ")}`);
}

function sinkList(sinks: JsonValue): string {
  const urls = Array.isArray(sinks) ? sinks.filter((url) => typeof url === "string" && SINK_URL.test(url)) : [];
  if (Array.isArray(sinks) && urls.length === sinks.length) return urls.map(String).join(",");
  throw wrong('sinks must be a list of sink URLs, such as ["file:/data/audit/chain_head.log"]');
}

const SINK_URL = /^[a-z][a-z0-9+.-]*:[^,]+$/iu;

/**
 * Reads the settings of a configuration file, and nothing of its tables.
 *
 * @param named undefined for `audit.config.json` of the current folder, which need not be there
 * @throws {CommandError} `configuration` where it cannot be read, or says something wrong
 */
export async function readSettings(named: string | undefined): Promise<Settings | undefined> {
  return await readConfig(named, (text) => settingsOf(configObject(text)));
}

/**
 * The object that a configuration's text is.
 *
 * @throws {CommandError} `configuration`, also for members that are not known
 */
export function configObject(text: string): { readonly [name: string]: JsonValue } {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw wrong(`it is not JSON: ${messageOf(cause)}`, cause);
  }
  if (!isObject(value)) throw wrong('it must be an object, such as {"tables":{"public.*":{}}}');
  requireKnown(value, CONFIG_MEMBERS);
  return value;
}

/**
 * Reads a configuration file: data, of which nothing is run.
 *
 * @param named undefined for `audit.config.json` of the current folder, which need not be there
 * @param parse makes something of its text; what it throws is said with the file's name
 * @throws {CommandError} `configuration`
 */
export async function readConfig<T>(
  named: string | undefined,
  parse: (text: string, file: string) => T,
): Promise<T | undefined> {
  const file = named ?? CONFIG_FILE;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (named === undefined && cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw wrong(`the configuration ${file} cannot be read: ${messageOf(cause)}`, cause);
  }
  try {
    return parse(text, file);
  } catch (cause) {
    throw wrong(`${file}: ${messageOf(cause)}`, cause);
  }
}

/** Lets settings count wherever neither the environment nor the command line says anything. */
export function useSettings(
  { environment, options }: Settings,
  command?: Pick<Command, "options" | "getOptionValueSource" | "setOptionValueWithSource">,
  env: Record<string, string | undefined> = currentEnvironment(),
): void {
  for (const [variable, value] of environment) if (!isSet(env, variable)) env[variable] = value;
  for (const [name, value] of options) {
    if (command === undefined || !command.options.some((option) => option.attributeName() === name)) continue;
    const source = command.getOptionValueSource(name);
    if (source === undefined || source === "default") command.setOptionValueWithSource(name, value, "config");
  }
}

const isSet = (env: Environment, variable: string): boolean =>
  (variable === "AUDIT_DATABASE_URL" ? ["AUDIT_DATABASE_URL", "DATABASE_URL"] : [variable]).some(
    (name) => (env[name] ?? "").trim() !== "",
  );

const isObject = (value: JsonValue | undefined): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const wrong = (what: string, cause?: unknown): CommandError => new CommandError("configuration", what, { cause });
