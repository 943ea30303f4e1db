import { basename, join } from "node:path";
import { type Place, placeOf } from "@scidex/audit-core";
import { CommandError } from "./command-error.ts";
import { DURATION_FORM, parseDuration } from "./duration.ts";
import { environment } from "./fleet/member.ts";
import { redactUrl } from "./redact.ts";

/** The variables that the commands read: those of `process.env`, of a member of a fleet, or a stand-in. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How old the newest signed time may be where `AUDIT_MAX_HEAD_AGE` is not set, in milliseconds: 24 hours. */
export const DEFAULT_MAX_HEAD_AGE = 86_400_000;

/** Where the ledger is kept where `AUDIT_LEDGER_DB` is not set. */
export const DEFAULT_LEDGER_DATABASE = "/var/log/molecule/audit_ledger.db";

/** Verifier keys as they were given: the keys themselves, or the file that holds them. */
export type VerifierKeysSource = { readonly keys: readonly string[] } | { readonly file: string };

/** Set and not blank; a variable that is set to nothing counts as not set. */
export function read(env: Environment, variable: string): string | undefined {
  const value = env[variable]?.trim();
  return value === "" ? undefined : value;
}

function wrong(variable: string, value: string, right: string): CommandError {
  return new CommandError("configuration", `${variable} is "${redactUrl(value)}"; expected ${right}`);
}

/**
 * The value of a variable that a command cannot do without.
 *
 * @param right what a right value looks like, for "expected …".
 * @throws {CommandError} `configuration` when it is undefined.
 */
export function required<T>(variable: string, value: T | undefined, right: string): T {
  if (value !== undefined) return value;
  throw new CommandError("configuration", `${variable} is not set; expected ${right}`);
}

/**
 * `AUDIT_DATABASE_URL`, else `DATABASE_URL`: a PostgreSQL connection URL.
 *
 * @throws {CommandError} `configuration` when neither is set, or when it is no such URL.
 */
export function databaseUrl(env: Environment = environment()): string {
  const variable = read(env, "AUDIT_DATABASE_URL") === undefined ? "DATABASE_URL" : "AUDIT_DATABASE_URL";
  const right = "postgres://user:password@host:5432/database";
  const value = required("AUDIT_DATABASE_URL", read(env, variable), right);
  if (!isDatabaseUrl(value)) throw wrong(variable, value, right);
  return value;
}

/** The same, whatever it is; undefined when neither is set. */
export const namedDatabase = (env: Environment = environment()): string | undefined =>
  read(env, "AUDIT_DATABASE_URL") ?? read(env, "DATABASE_URL");

/** Whether there is a database URL at all. */
export const isDatabaseNamed = (env: Environment = environment()): boolean => namedDatabase(env) !== undefined;

/** Whether the driver can read it: a URL with the right scheme; several hosts may stand in it. */
export function isDatabaseUrl(value: string): boolean {
  if (!/^postgres(ql)?:\/\//i.test(value)) return false;
  return URL.canParse(value.replace(/^([^:]+:\/\/(?:[^@]*@)?[^,/?]*)(?:,[^/?]*)/, "$1"));
}

/** What a sink's URL begins with that is no log, but is asked to cosign. */
const WITNESS = "witness:";

/**
 * `AUDIT_SINKS`: sink URLs separated by commas; none if it is not set. Which schemes there are is the business of
 * the sinks. Without those of witnesses, who keep no log.
 *
 * @throws {CommandError} `configuration` when one of them is no URL.
 */
export const sinkUrls = (env: Environment = environment()): string[] =>
  allSinkUrls(env).filter((url) => !url.startsWith(WITNESS));

/**
 * The witnesses of `AUDIT_SINKS`, `witness:https://…`: the URLs to which checkpoints are submitted.
 *
 * @throws {CommandError} `configuration` as `sinkUrls`
 */
export const witnessUrls = (env: Environment = environment()): string[] =>
  allSinkUrls(env).flatMap((url) => (url.startsWith(WITNESS) ? [url.slice(WITNESS.length)] : []));

function allSinkUrls(env: Environment): string[] {
  const variable = "AUDIT_SINKS";
  const urls = (read(env, variable) ?? "").split(",").map((url) => url.trim());
  for (const url of urls) {
    if (url !== "" && !/^[a-z][a-z0-9+.-]*:./i.test(url)) {
      throw wrong(variable, url, "file:/data/audit/chain_head.log or another sink URL, or several separated by commas");
    }
  }
  return urls.filter((url) => url !== "");
}

/**
 * `AUDIT_ORIGIN`: the log's name in checkpoints; undefined if it is not set.
 *
 * @throws {CommandError} `configuration` when it cannot be a key's name (c2sp.org/signed-note): neither white space,
 *   nor control characters, nor a plus sign may stand in one.
 */
export function origin(env: Environment = environment()): string | undefined {
  const value = read(env, "AUDIT_ORIGIN");
  if (value !== undefined && (/[\s+\p{Cc}]/u.test(value) || !value.isWellFormed())) {
    throw wrong("AUDIT_ORIGIN", value, "a name without white space and plus signs, such as scidex.ai/audit-chain");
  }
  return value;
}

/**
 * `AUDIT_VERIFIER_KEYS`: verifier keys separated by commas or white space, or the path of a file that holds such;
 * undefined if it is not set.
 *
 * @throws {CommandError} `configuration` when some of it are keys and some not, or when it is a signing key.
 */
export function verifierKeysSource(env: Environment = environment()): VerifierKeysSource | undefined {
  const variable = "AUDIT_VERIFIER_KEYS";
  const value = read(env, variable);
  if (value === undefined) return undefined;
  const right = "verifier keys (name+hash+key) separated by commas or white space, or the path of a file with them";
  if (value.includes("PRIVATE+KEY+"))
    throw wrong(variable, "a signing key, which belongs to the publisher only", right);
  const words = value.split(/[\s,]+/).filter((word) => word !== "");
  const keys = words.filter((word) => /^[^+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/.test(word));
  if (keys.length === 0) return { file: value };
  if (keys.length < words.length) throw wrong(variable, value, right);
  return { keys };
}

/** `AUDIT_PASSWORD_FILE`: the path of a file with the database's password; undefined if it is not set. */
export function passwordFile(env: Environment = environment()): string | undefined {
  return read(env, "AUDIT_PASSWORD_FILE");
}

/** `AUDIT_POLICY`: the path of the verifier's policy file; undefined if it is not set. */
export function policyFile(env: Environment = environment()): string | undefined {
  return read(env, "AUDIT_POLICY");
}

/** `AUDIT_TRUST_POLICY`: the path of a C2SP tlog-policy file; undefined if it is not set. */
export function trustPolicyFile(env: Environment = environment()): string | undefined {
  return read(env, "AUDIT_TRUST_POLICY");
}

/**
 * A file of this account's own, by its name in the folder of `AUDIT_STATE_DIR`; undefined where that is not set: then only
 * what stands beside another file has a place.
 */
export function inStateFolder(name: string, env: Environment = environment()): string | undefined {
  const folder = read(env, "AUDIT_STATE_DIR");
  return folder === undefined ? undefined : join(folder, name);
}

/**
 * A file that belongs to another and is named after it: in the folder of `AUDIT_STATE_DIR`, else beside that one. Keys and
 * policies can so lie where nothing can be written.
 *
 * @param suffix what comes after the other file's name, for example `.state`
 */
export function belongingTo(file: string, suffix: string, env: Environment = environment()): string {
  return inStateFolder(`${basename(file)}${suffix}`, env) ?? `${file}${suffix}`;
}

/** `AUDIT_FLEET`: the path of the auditors' file with the databases that are verified; undefined if it is not set. */
export function fleetFile(env: Environment = environment()): string | undefined {
  return read(env, "AUDIT_FLEET");
}

/** `AUDIT_CONFIG`: the path of `audit.config.json`; undefined if it is not set. */
export function configFile(env: Environment = environment()): string | undefined {
  return read(env, "AUDIT_CONFIG");
}

/**
 * `AUDIT_SCHEMA` and `AUDIT_ROLE_PREFIX`: where the audit chain is in its database; undefined if neither is set.
 *
 * @throws {CommandError} `configuration` when one of them is no such name.
 */
export function place(env: Environment = environment()): Place | undefined {
  const [schema, rolePrefix] = [read(env, "AUDIT_SCHEMA"), read(env, "AUDIT_ROLE_PREFIX")];
  if (schema === undefined && rolePrefix === undefined) return undefined;
  try {
    return placeOf({
      ...(schema === undefined ? {} : { schema }),
      ...(rolePrefix === undefined ? {} : { rolePrefix }),
    });
  } catch (error) {
    throw new CommandError(
      "configuration",
      `AUDIT_SCHEMA or AUDIT_ROLE_PREFIX: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/**
 * `AUDIT_MAX_HEAD_AGE`: how old the newest signed time may be, in milliseconds.
 *
 * @throws {CommandError} `configuration` when it is no duration.
 */
export function maxHeadAge(env: Environment = environment()): number {
  const variable = "AUDIT_MAX_HEAD_AGE";
  const value = read(env, variable);
  if (value === undefined) return DEFAULT_MAX_HEAD_AGE;
  try {
    return parseDuration(value);
  } catch {
    throw wrong(variable, value, DURATION_FORM);
  }
}

/**
 * `AUDIT_SHARD_SECRET`: what the shards of one verification share; undefined if it is not set.
 *
 * @throws {CommandError} `configuration` when it is shorter than 16 characters.
 */
export function shardSecret(env: Environment = environment()): string | undefined {
  const value = read(env, "AUDIT_SHARD_SECRET");
  if (value !== undefined && value.length < 16)
    throw new CommandError(
      "configuration",
      "AUDIT_SHARD_SECRET is too short; expected 16 characters or more, as openssl rand -hex 32 makes",
    );
  return value;
}

/**
 * `AUDIT_LEDGER_SALT`: the ledger's secret. It is taken as it is, white space included, since it goes into a key
 * derivation that other implementations have to repeat.
 *
 * @throws {CommandError} `configuration` when it is not set.
 */
export function ledgerSalt(env: Environment = environment()): string {
  return required("AUDIT_LEDGER_SALT", env["AUDIT_LEDGER_SALT"] || undefined, "the ledger's secret");
}

/** `AUDIT_LEDGER_DB`: the ledger's database, a path or URL. */
export function ledgerDatabase(env: Environment = environment()): string {
  return read(env, "AUDIT_LEDGER_DB") ?? DEFAULT_LEDGER_DATABASE;
}
