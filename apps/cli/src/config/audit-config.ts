/**
 * `audit.config.json`: which tables are audited, and how. The developers own it; the verifier never reads it.
 *
 *     {
 *       "$schema": "./node_modules/@scidex/audit-cli/audit.config.schema.json",
 *       "database": "postgres://app@db.example.org/app",
 *       "tables": {
 *         "public.orders": { "mode": "sealed", "changes": "track", "exclude": ["noise"] },
 *         "public.*":      { "except": ["public.flyway_schema_history"] },
 *         "tenant_*.*":    { "kind": "{schema}.{table}" }
 *       }
 *     }
 *
 * Beside its tables it says where commands work, and how: `Settings`. `audit.config.schema.json` says the same to editors, and a test holds it to this.
 */
import { CommandError, configObject, requireKnown, type Settings, settingsOf } from "@scidex/audit-command";
import { CAPTURE_MODES, type CaptureMode, type JsonValue } from "@scidex/audit-core";
import type { Changes, Fallback } from "@scidex/audit-schema";
import { parseIsoDuration } from "@scidex/audit-verifier";
import { parseTablePattern, type TablePattern } from "./table-pattern.ts";

export interface AuditConfig {
  readonly tables: readonly TableEntry[];
  /** Whether it has `tables` at all: without, nobody has said what is audited. */
  readonly isNaming: boolean;
  readonly settings: Settings;
}

/** What stands under one name. */
export interface TableEntry {
  readonly pattern: TablePattern;
  /** Tables that a pattern does not mean. */
  readonly except: readonly TablePattern[];
  readonly options: TableOptions;
}

/** How a table is audited. What is left out stays as it is; at first it is what `attach` chooses. */
export interface TableOptions {
  readonly mode?: CaptureMode;
  readonly changes?: Changes;
  readonly exclude?: readonly string[];
  readonly key?: readonly string[];
  /** `{schema}` and `{table}` in it stand for the table's own. */
  readonly kind?: string;
  readonly blindKey?: boolean;
  readonly salt?: boolean;
  readonly fallback?: Fallback;
  /** An ISO 8601 duration, or `none`. */
  readonly retention?: string;
}

/** What a member may be. */
interface Check {
  readonly expected: string;
  readonly isRight: (value: JsonValue) => boolean;
}

const oneOf = (choices: readonly string[]): Check => ({
  expected: choices.map((choice) => JSON.stringify(choice)).join(" or "),
  isRight: (value) => choices.some((choice) => choice === value),
});
const NAMES = { expected: "a list of names, each once", isRight: isNames };
const FLAG = { expected: "true or false", isRight: (value: JsonValue) => typeof value === "boolean" };

/** The members of a table's entry. */
export const ENTRY_MEMBERS: Readonly<Record<string, Check>> = {
  mode: oneOf(CAPTURE_MODES),
  changes: oneOf(["refuse", "track"]),
  exclude: NAMES,
  key: { expected: "a list of at least one column name, each once", isRight: (value) => isNames(value, 1) },
  kind: { expected: "text that is not empty", isRight: (value) => typeof value === "string" && value !== "" },
  blind_key: FLAG,
  salt: FLAG,
  fallback: oneOf(["pending", "fail"]),
  retention: {
    expected: 'an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as "P400D", or "none"',
    isRight: (value) => typeof value === "string" && (value === "none" || parseIsoDuration(value) !== undefined),
  },
  except: { expected: "a list of schema.table, in which * stands for any characters", isRight: isNames },
};

/**
 * Reads the text of a configuration file.
 *
 * @param name of several databases, the one whose tables are meant: its own, else those beside `databases`
 * @throws {CommandError} `configuration`, naming the member by its path
 */
export function parseAuditConfig(text: string, name?: string): AuditConfig {
  const value = configObject(text);
  const { $schema: schema } = value;
  if (schema !== undefined && typeof schema !== "string") throw wrong("$schema must be text");
  const settings = settingsOf(value);
  const shared = tablesOf(value["tables"]);
  const own = isObject(value["databases"]) ? Object.entries(value["databases"]).map(ownTables) : [];
  const tables = own.find((one) => one.name === name)?.tables ?? shared;
  return { tables: tables ?? [], isNaming: tables !== undefined, settings };
}

function tablesOf(tables: JsonValue | undefined): readonly TableEntry[] | undefined {
  if (tables === undefined) return undefined;
  if (!isObject(tables)) throw wrong('tables must be an object, such as {"public.*":{}}');
  return Object.entries(tables).map(([name, entry]) => readEntry(name, entry));
}

function ownTables([name, entry]: readonly [string, JsonValue]) {
  try {
    return { name, tables: isObject(entry) ? tablesOf(entry["tables"]) : undefined };
  } catch (cause) {
    throw wrong(`databases[${JSON.stringify(name)}].${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

function readEntry(name: string, entry: JsonValue): TableEntry {
  const at = `tables[${JSON.stringify(name)}]`;
  const pattern = readPattern(name, at);
  if (!isObject(entry)) throw wrong(`${at} must be an object, {} for the defaults`);
  requireKnown(entry, Object.keys(ENTRY_MEMBERS), `${at}.`);
  for (const [member, { expected, isRight }] of Object.entries(ENTRY_MEMBERS)) {
    const value = entry[member];
    if (value !== undefined && !isRight(value)) throw wrong(`${at}.${member} must be ${expected}`);
  }
  if (pattern.isExact && entry["except"] !== undefined)
    throw wrong(`${at}.except: the entry names one table; exceptions belong to a pattern, such as "public.*"`);
  checkKind(entry["kind"], at);
  // Checked above, member by member.
  const { except = [], blind_key: blindKey, ...others } = entry as EntryForm;
  return {
    pattern,
    except: except.map((text, i) => readPattern(text, `${at}.except[${i}]`)),
    options: { ...others, ...(blindKey === undefined ? {} : { blindKey }) },
  };
}

/** An entry as the file has it. */
type EntryForm = Omit<TableOptions, "blindKey"> & {
  readonly blind_key?: boolean;
  readonly except?: readonly string[];
};

function readPattern(text: string, at: string): TablePattern {
  const pattern = parseTablePattern(text);
  if (pattern !== undefined) return pattern;
  throw wrong(
    `${at}: ${JSON.stringify(text)} names no table; expected schema.table, such as "public.orders" or "tenant_*.*" (a name with a dot or a quote in double quotes)`,
  );
}

function checkKind(kind: JsonValue | undefined, at: string): void {
  if (typeof kind !== "string") return;
  for (const [place] of kind.matchAll(/\{[^{}]*\}/gu))
    if (place !== "{schema}" && place !== "{table}")
      throw wrong(`${at}.kind: ${place} stands for nothing; expected {schema} or {table}`);
}

const isObject = (value: JsonValue | undefined): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function isNames(value: JsonValue, least = 0): boolean {
  if (!Array.isArray(value) || value.length < least) return false;
  return value.every((name) => typeof name === "string" && name !== "") && new Set(value).size === value.length;
}

const wrong = (what: string, cause?: unknown): CommandError => new CommandError("configuration", what, { cause });
