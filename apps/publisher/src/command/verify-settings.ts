import { readFile } from "node:fs/promises";
import {
  CommandError,
  databaseUrl,
  isDatabaseUrl,
  maxHeadAge,
  origin,
  parseDuration,
  policyFile,
  signingKeyFile,
  sinkUrls,
  verifierKeysSource,
} from "@scidex/audit-command";
import { type Group, GROUPS } from "@scidex/audit-reader";
import { DEFAULT_CHECKS, parsePolicy, type Policy } from "@scidex/audit-verifier";
import type { Command } from "commander";
import { messageOf } from "../errors.ts";
import { readKeyFile, stateFileOf } from "../state/key-file.ts";
import type { VerifyAndAlertOptions } from "../verify/verify-and-alert.ts";

/** The options that say how to verify, of `verify` and of `run`. */
export interface VerifyFlags {
  readonly checks?: string;
  readonly policy?: string;
  readonly state?: string;
  readonly maxHeadAge?: string;
  readonly alertState?: string;
}

export const VERIFY_ENVIRONMENT = `AUDIT_DATABASE_URL (a role with scidex_audit_inspector), AUDIT_ALERT_DATABASE_URL (one with scidex_audit_alert and
nothing else; else AUDIT_DATABASE_URL writes the alerts), AUDIT_SINKS, AUDIT_VERIFIER_KEYS (else the public half of
AUDIT_SIGNING_KEY_FILE), AUDIT_ORIGIN, AUDIT_POLICY, AUDIT_MAX_HEAD_AGE`;

export function addVerifyOptions(command: Command): Command {
  return command
    .option("--checks <groups>", `comma-separated groups of checks: ${GROUPS.join(", ")}`)
    .option("--policy <file>", "what must be covered (audit-chain policy prints it); default AUDIT_POLICY")
    .option(
      "--state <file>",
      "remembers what the sinks held, of which database, and the last verdict; made if it is not there",
    )
    .option("--max-head-age <age>", "how old the newest signed time may be, for example 90m; default 24h")
    .option(
      "--alert-state <file>",
      "remembers what has been alerted; default: AUDIT_SIGNING_KEY_FILE with .alerts after it",
    );
}

/** What the command line and the environment say of a verification. */
export type VerifySettings = Omit<
  VerifyAndAlertOptions,
  "database" | "sinceHeadMs" | "webhook" | "heartbeat" | "metrics" | "onProgress"
>;

/**
 * @throws {CommandError} `usage`, `configuration`
 * @throws {PublisherError} `configuration`
 */
export async function verifySettings(flags: VerifyFlags): Promise<VerifySettings> {
  const keyFile = signingKeyFile();
  const alertMemory = flags.alertState ?? (keyFile === undefined ? undefined : `${keyFile}.alerts`);
  if (alertMemory === undefined)
    throw new CommandError(
      "configuration",
      "there is no place to remember what has been alerted: give --alert-state, a file outside the database, or set AUDIT_SIGNING_KEY_FILE",
    );
  return {
    alertDatabaseUrl: alertDatabaseUrl(),
    alertMemory,
    sinks: sinkUrls(),
    keys: await readKeys(keyFile),
    origin: origin(),
    policy: await readPolicy(flags.policy ?? policyFile()),
    checks: parseChecks(flags.checks),
    stateFile: flags.state,
    publisherState: keyFile === undefined ? undefined : stateFileOf(keyFile),
    maxHeadAgeMs: flags.maxHeadAge === undefined ? maxHeadAge() : parseDuration(flags.maxHeadAge),
  };
}

function alertDatabaseUrl(): string {
  const value = process.env["AUDIT_ALERT_DATABASE_URL"]?.trim() ?? "";
  if (value === "") return databaseUrl();
  if (!isDatabaseUrl(value))
    throw new CommandError(
      "configuration",
      "AUDIT_ALERT_DATABASE_URL is not a PostgreSQL URL; expected postgres://user:password@host:5432/database",
    );
  return value;
}

function parseChecks(text: string | undefined): readonly Group[] {
  if (text === undefined) return DEFAULT_CHECKS;
  return text.split(",").map((word) => {
    const group = GROUPS.find((name) => name === word.trim());
    if (group === undefined)
      throw new CommandError("usage", `--checks has "${word}"; the groups are ${GROUPS.join(", ")}`);
    return group;
  });
}

async function readPolicy(file: string | undefined): Promise<Policy | null> {
  if (file === undefined) return null;
  try {
    return parsePolicy(await readFile(file, "utf8"));
  } catch (cause) {
    throw new CommandError("configuration", `the policy file ${file}: ${messageOf(cause)}`, { cause });
  }
}

/** The publisher holds both halves of the keys: it need not be told the public ones. */
async function readKeys(keyFile: string | undefined): Promise<readonly string[]> {
  const source = verifierKeysSource();
  if (source === undefined) {
    if (keyFile === undefined) return [];
    const { log, timestamp } = await readKeyFile(keyFile);
    return [log.vkey, timestamp.vkey];
  }
  if ("keys" in source) return source.keys;
  try {
    return (await readFile(source.file, "utf8")).split(/[\s,]+/u).filter((word) => word !== "");
  } catch (cause) {
    throw new CommandError(
      "configuration",
      `AUDIT_VERIFIER_KEYS is "${source.file}", which is neither a list of verifier keys (name+hash+key) nor a file that can be read`,
      { cause },
    );
  }
}
