import { CommandError } from "./command-error.ts";
import { type Environment, inStateFolder, read } from "./environment.ts";
import { environment } from "./fleet/member.ts";

/**
 * The path of the publisher's keys: `AUDIT_SIGNING_KEY_FILE`, or where `AUDIT_SIGNING_KEY` names keys in an ssh-agent, the
 * file in `AUDIT_STATE_DIR` that says which; undefined if neither is set.
 *
 * @throws {CommandError} `configuration` when both are, when it is no `agent:…`, or there is no such folder named
 */
export function signingKeyFile(env: Environment = environment()): string | undefined {
  const file = read(env, "AUDIT_SIGNING_KEY_FILE");
  const agent = signingAgent(env);
  if (agent === undefined) return file;
  if (file !== undefined)
    throw new CommandError("configuration", "AUDIT_SIGNING_KEY and AUDIT_SIGNING_KEY_FILE are both set: expected one");
  const path = inStateFolder(agentKeyFileName(agent.name), env);
  if (path !== undefined) return path;
  throw new CommandError(
    "configuration",
    "AUDIT_SIGNING_KEY names keys in an ssh-agent, and AUDIT_STATE_DIR is not set: expected a folder of the publisher's own, where audit-chain keygen --agent has put their verifier keys and the state",
  );
}

const AGENT_FILE = ".agent";

/** The file in `AUDIT_STATE_DIR` that says which keys of an agent are a log's. */
export const agentKeyFileName = (name: string): string => `${encodeURIComponent(name)}${AGENT_FILE}`;

/** Whether a key file is called like such a one. */
export const isOfAgent = (keyFile: string): boolean => keyFile.endsWith(AGENT_FILE);

/** `AUDIT_SIGNING_KEY`, `agent:<name>` or `agent:<socket>#<name>`, with a log's name. */
function signingAgent(env: Environment): { readonly socket: string | undefined; readonly name: string } | undefined {
  const value = read(env, "AUDIT_SIGNING_KEY");
  if (value === undefined) return undefined;
  const [, socket, name] = /^agent:(?:([^#]+)#)?([^#]+)$/u.exec(value) ?? [];
  // What is there may be a secret key: it is not repeated.
  if (name === undefined || value.includes("PRIVATE+KEY"))
    throw new CommandError(
      "configuration",
      "AUDIT_SIGNING_KEY is none that can be read, expected agent:<log's name>, or agent:<socket>#<log's name>; a key file is named in AUDIT_SIGNING_KEY_FILE",
    );
  return { socket, name };
}

/** The socket of the ssh-agent: that of `AUDIT_SIGNING_KEY`, else `SSH_AUTH_SOCK`; undefined if neither is set. */
export const sshAgentSocket = (env: Environment = environment()): string | undefined =>
  signingAgent(env)?.socket ?? read(env, "SSH_AUTH_SOCK");
