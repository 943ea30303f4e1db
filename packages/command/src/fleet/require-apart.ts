import { statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { CommandError } from "../command-error.ts";
import { databaseName, decoded } from "../database-name.ts";
import { redactUrl } from "../redact.ts";
import type { Member } from "./member.ts";

/** What each member has for itself, in the words of the configuration. */
const OWN: Readonly<Record<string, (environment: Member["environment"]) => readonly string[]>> = {
  "one database": (env) => [`${addressOf(env["AUDIT_DATABASE_URL"] ?? "")} ${env["AUDIT_SCHEMA"] ?? "public"}`],
  "one origin": (env) => listed(env["AUDIT_ORIGIN"]),
  "one sink": (env) => (env["AUDIT_SINKS"] ?? "").split(",").flatMap((url) => sinkPlace(url.trim())),
  "one key (AUDIT_SIGNING_KEY_FILE)": (env) => listed(env["AUDIT_SIGNING_KEY_FILE"]).map(identityOf),
  "one key (AUDIT_SIGNING_KEY)": (env) => listed(env["AUDIT_SIGNING_KEY"]),
  "one state folder (AUDIT_STATE_DIR)": (env) => listed(env["AUDIT_STATE_DIR"]).map(identityOf),
};

/**
 * Options that name a place where a run leaves or remembers something, keys whose last signature is remembered, and whom it is told
 * that a run went well: one member's word would stand for another that is silent.
 */
const OWN_OPTIONS: Readonly<Record<string, string>> = {
  state: "--state",
  alertState: "--alert-state",
  nights: "--nights",
  report: "--report",
  sign: "--sign",
  heartbeat: "--heartbeat",
  publishHeartbeat: "--publish-heartbeat",
  verifyHeartbeat: "--verify-heartbeat",
  fullHeartbeat: "--full-heartbeat",
};

/**
 * Refuses a fleet of which two members would have one of something. What one signs or remembers would stand for the other, or
 * accuse it.
 *
 * @throws {CommandError} `configuration`
 */
export function requireApart(file: string, members: readonly Member[]): void {
  for (const [what, read] of Object.entries(OWN)) {
    const owners = new Map<string, string>();
    for (const { name, environment } of members)
      for (const value of new Set(read(environment))) {
        const other = owners.get(value);
        if (other !== undefined)
          throw new CommandError(
            "configuration",
            `${file}: the databases ${other} and ${name} have ${what}; expected one each, such as with {name} in it`,
          );
        owners.set(value, name);
      }
  }
}

/**
 * The same for what options say.
 *
 * @param optionsOf the options as each of them has them
 * @throws {CommandError} `configuration`
 */
export function requireOwnFiles(options: Readonly<Record<string, unknown>>, count: number): void {
  if (count < 2) return;
  for (const [name, option] of Object.entries(OWN_OPTIONS)) {
    const value = options[name];
    if (typeof value === "string" && !value.includes("{name}"))
      throw new CommandError(
        "configuration",
        `${option} is "${redactUrl(value)}", for several databases; expected {name} in it, which stands for the name of each`,
      );
  }
}

const listed = (text = ""): string[] => (text.trim() === "" ? [] : [text.trim()]);

const addressOf = (url: string): string => databaseName(url).replace(/:5432$/u, "");

/** Witnesses serve many logs; a file or a folder may have several names, and a URL several spellings. */
function sinkPlace(url: string): string[] {
  if (url === "" || url.startsWith("witness:")) return [];
  const [, bucket, search] = /^s3:\/\/([^?]*?)\/*(?:\?(.*))?$/su.exec(url) ?? [];
  if (bucket !== undefined) return [`s3://${decoded(bucket)} ${new URLSearchParams(search).get("endpoint") ?? ""}`];
  const [, scheme, path = "", query] = /^(file|tiles|git):(?:\/\/(?=\/))?([^?]*)(.*)$/su.exec(url) ?? [];
  if (scheme === undefined) return [url];
  const parameters = new URLSearchParams(query);
  parameters.sort();
  return [`${scheme}:${identityOf(decoded(path))}?${parameters.toString()}`];
}

/** What a file is, by whatever name; of one that is not there yet, its name in the folder that is. */
function identityOf(path: string): string {
  const whole = resolve(path);
  try {
    const { dev, ino } = statSync(whole);
    return `${dev}:${ino}`;
  } catch {
    const folder = dirname(whole);
    return folder === whole ? whole : `${identityOf(folder)}/${basename(whole)}`;
  }
}
