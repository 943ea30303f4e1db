export { type LockUser, readChainLock } from "./chain-lock.ts";
export { CommandError, type CommandErrorCode } from "./command-error.ts";
export { connect, CONNECT_TIMEOUT, type ConnectOptions, DEFAULT_CONNECTIONS } from "./connect.ts";
export { clientName, databaseName } from "./database-name.ts";
export { parseDuration } from "./duration.ts";
export {
  belongingTo,
  configFile,
  databaseUrl,
  fleetFile,
  isDatabaseNamed,
  DEFAULT_LEDGER_DATABASE,
  DEFAULT_MAX_HEAD_AGE,
  type Environment,
  inStateFolder,
  isDatabaseUrl,
  ledgerDatabase,
  ledgerSalt,
  maxHeadAge,
  origin,
  place,
  policyFile,
  trustPolicyFile,
  witnessUrls,
  required,
  shardSecret,
  sinkUrls,
  verifierKeysSource,
  type VerifierKeysSource,
} from "./environment.ts";
export { agentKeyFileName, isOfAgent, signingKeyFile } from "./signing-key.ts";
export { type AgentKey, agentKey, agentKeys } from "./ssh-agent.ts";
export { escapeText } from "@scidex/audit-core";
export { escapeMessage } from "./escape-text.ts";
export { EXIT, type ExitCode } from "./exit-code.ts";
export { type Alike, briefly, FEW, groupAlike } from "./group-alike.ts";
export { DATABASE_MEMBERS, hasName, withName } from "./fleet/databases.ts";
export { type Fleet, type FleetFlags, fleetOf, ONLY } from "./fleet/fleet.ts";
export { currentMember, environment, type Member } from "./fleet/member.ts";
export { AT_ONCE, PATIENCE_MS } from "./fleet/run-fleet.ts";
export { Turns } from "./fleet/turns.ts";
export { type ConfigUse, useConfig } from "./fleet/use-config.ts";
export { keepHeapSmall } from "./keep-heap-small.ts";
export { describeLostConnection } from "./describe-lost-connection.ts";
export { createDurably, renameDurably, replaceDurably } from "./durable-file.ts";
export { packageVersion } from "./package-version.ts";
export { nearestName, requireKnown } from "./nearest-name.ts";
export { progress, type Progress, type ProgressOptions, type ProgressStream } from "./progress.ts";
export { redact, redactUrl } from "./redact.ts";
export { checkReplaceable, replaceFile, replaceWhole } from "./replace-file.ts";
export { type CommandContext, type Outcome, runCommand } from "./run-command.ts";
export { readSecretFile } from "./secret-file.ts";
export { writeError, writeOut } from "./write-out.ts";
export {
  CONFIG_FILE,
  CONFIG_MEMBERS,
  configObject,
  readConfig,
  readSettings,
  SETTING_MEMBERS,
  type Settings,
  settingsOf,
  SETTINGS,
  useSettings,
} from "./settings.ts";
