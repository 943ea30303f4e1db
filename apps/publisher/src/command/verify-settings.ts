import {
  belongingTo,
  CommandError,
  databaseUrl,
  environment,
  inStateFolder,
  isDatabaseUrl,
  maxHeadAge,
  origin,
  parseDuration,
  policyFile,
  signingKeyFile,
  sinkUrls,
  verifierKeysSource,
} from "@scidex/audit-command";
import { CHECK_GROUPS } from "@scidex/audit-reader";
import { parseCheckGroups, parseKeys, readKeys, readPolicy, readTrustPolicy } from "@scidex/audit-verifier/command";
import type { Command } from "commander";
import { currentKeyFile, readKeyFile, stateFileOf } from "../state/key-file.ts";
import { readVkeys } from "../state/log-keys.ts";
import type { VerifyAndAlertOptions } from "../verify/verify-and-alert-options.ts";

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
AUDIT_SIGNING_KEY_FILE), AUDIT_ORIGIN, AUDIT_POLICY, AUDIT_TRUST_POLICY, AUDIT_MAX_HEAD_AGE`;

export function addVerifyOptions(command: Command): Command {
  return command
    .option("--checks <groups>", `comma-separated groups of checks: ${CHECK_GROUPS.join(", ")}`)
    .option("--policy <file>", "what must be covered (audit-chain policy prints it); default AUDIT_POLICY")
    .option(
      "--state <file>",
      "remembers what the sinks held, of which database, and the last verdict; made if it is not there",
    )
    .option("--max-head-age <age>", "how old the newest signed time may be, for example 90m; default 24h")
    .option(
      "--alert-state <file>",
      "remembers what has been alerted; default: in AUDIT_STATE_DIR, else AUDIT_SIGNING_KEY_FILE with .alerts after it",
    );
}

/** What the command line and the environment say of a verification. */
export type VerifySettings = Omit<
  VerifyAndAlertOptions,
  "database" | "sinceHeadMs" | "webhook" | "remindMs" | "heartbeat" | "metrics" | "onProgress"
>;

/**
 * @throws {CommandError} `usage`, `configuration`
 * @throws {PublisherError} `configuration`
 */
export async function verifySettings(flags: VerifyFlags): Promise<VerifySettings> {
  const keyFile = signingKeyFile();
  const alertMemory = flags.alertState ?? alertMemoryOf();
  if (alertMemory === undefined)
    throw new CommandError(
      "configuration",
      "there is no place to remember what has been alerted: give --alert-state, a file outside the database, or set AUDIT_STATE_DIR or AUDIT_SIGNING_KEY_FILE",
    );
  const pinned = flags.policy ?? policyFile();
  const own = await ownKeys(keyFile);
  const keys = own?.keys ?? (await readKeys());
  return {
    alertDatabaseUrl: alertDatabaseUrl(),
    alertMemory,
    sinks: sinkUrls(),
    keys,
    witnesses: await readTrustPolicy(parseKeys(keys)),
    origin: origin() ?? own?.origin,
    policy: pinned === undefined ? null : await readPolicy(pinned, origin()),
    checks: parseCheckGroups(flags.checks),
    stateFile: flags.state ?? inStateFolder("audit-publisher.state"),
    publisherState: keyFile === undefined ? undefined : stateFileOf((await currentKeyFile(keyFile)).path),
    maxHeadAgeMs: flags.maxHeadAge === undefined ? maxHeadAge() : parseDuration(flags.maxHeadAge),
  };
}

/** Where it is remembered what has been alerted, unless `--alert-state` says so. */
export function alertMemoryOf(): string | undefined {
  const keyFile = signingKeyFile();
  return keyFile === undefined ? inStateFolder("audit-publisher.alerts") : belongingTo(keyFile, ".alerts");
}

function alertDatabaseUrl(): string {
  const value = environment()["AUDIT_ALERT_DATABASE_URL"]?.trim() ?? "";
  if (value === "") return databaseUrl();
  if (!isDatabaseUrl(value))
    throw new CommandError(
      "configuration",
      "AUDIT_ALERT_DATABASE_URL is not a PostgreSQL URL; expected postgres://user:password@host:5432/database",
    );
  return value;
}

/** The publisher holds both halves of the keys: it need not be told the public ones. */
async function ownKeys(
  keyFile: string | undefined,
): Promise<{ readonly keys: readonly string[]; readonly origin: string } | undefined> {
  if (verifierKeysSource() !== undefined || keyFile === undefined) return undefined;
  const { path } = await currentKeyFile(keyFile);
  const { origin: name } = await readKeyFile(keyFile);
  const later = path === keyFile ? [] : await readVkeys(path);
  return { keys: [...(await readVkeys(keyFile)), ...later], origin: name };
}
