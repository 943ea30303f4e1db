/**
 * Keys in an ssh-agent (draft-ietf-sshm-ssh-agent): asked over its socket, a request and an answer, each
 *
 *     length (4, big-endian) || type (1) || …
 *
 * with strings and blobs as their length (4) and bytes. Keys are `string "ssh-ed25519", string key (32)`. An Ed25519 key
 * signs just the data that it is given, so that the signature stands in a note as it is.
 */
import { connect } from "node:net";
import { type KeyElsewhere, type NoteKey, sha256 } from "@scidex/audit-core";
import { CommandError } from "./command-error.ts";
import { sshAgentSocket } from "./signing-key.ts";

const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;

const TYPE = "ssh-ed25519";
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** The longest answer: OpenSSH's own bound. */
const MAX_ANSWER_BYTES = 256 * 1024;

/** A key may ask its owner, or want to be touched. An answer must be whole by then: bytes that trickle are none. */
const TIMEOUT_MS = 60_000;

/** An Ed25519 key that an agent holds. */
export interface AgentKey {
  readonly publicBytes: Uint8Array;
  readonly comment: string;
  /** As ssh-add prints it: `SHA256:…`. */
  readonly fingerprint: string;
}

/**
 * What signs by keys in the agent of the environment. It is asked at each signature, and may have been started anew since.
 *
 * @throws {CommandError} `configuration` for a key that no agent has
 */
export const agentKey: KeyElsewhere = (key) => {
  if (key.type === 6)
    throw new CommandError("configuration", `the key of ${key.name} is ML-DSA-44, and an ssh-agent has none such`);
  return { sign: async (message) => await signAt(socketOf(key.name), key, message) };
};

/** The Ed25519 keys of the agent of the environment. @throws {CommandError} `configuration`, `unavailable` */
export const agentKeys = async (name: string): Promise<readonly AgentKey[]> => await keysAt(socketOf(name));

function socketOf(name: string): string {
  const socket = sshAgentSocket();
  if (socket !== undefined) return socket;
  throw new CommandError(
    "configuration",
    `the key of ${name} is in an ssh-agent, and SSH_AUTH_SOCK is not set: start one (eval "$(ssh-agent)") and give it the key (ssh-add), or name its socket: AUDIT_SIGNING_KEY=agent:<socket>#<name>`,
  );
}

async function signAt(socket: string, { name, publicBytes }: NoteKey, message: Uint8Array): Promise<Uint8Array> {
  const blob = joined(string(Buffer.from(TYPE)), string(publicBytes));
  const request = joined(Buffer.of(SIGN_REQUEST), string(blob), string(message), uint32(0));
  const answer = await ask(socket, request);
  if (answer.type !== SIGN_RESPONSE) throw await refused(socket, name, publicBytes);
  const signature = new Reader(answer.reader.string());
  if (signature.string().toString() !== TYPE) throw unexpected(socket);
  const bytes = signature.string();
  if (bytes.byteLength !== SIGNATURE_BYTES) throw unexpected(socket);
  return new Uint8Array(bytes);
}

/** Why an agent has not signed: it only says that it has not. */
async function refused(socket: string, name: string, publicBytes: Uint8Array): Promise<CommandError> {
  const keys = await keysAt(socket);
  const fingerprint = fingerprintOf(publicBytes);
  if (keys.some((key) => key.fingerprint === fingerprint))
    return new CommandError(
      "unavailable",
      `the ssh-agent at ${socket} has the key of ${name} (${fingerprint}) and did not sign: whoever must confirm has not, or it was locked just now (ssh-add -X)`,
    );
  return new CommandError(
    "unavailable",
    keys.length === 0
      ? `the ssh-agent at ${socket} shows no key, and should have that of ${name} (${fingerprint}): it is locked (ssh-add -X unlocks it), or was started anew (ssh-add KEY)`
      : `the ssh-agent at ${socket} has not the key of ${name} (${fingerprint}): add it (ssh-add KEY). It has ${keys.map((key) => key.fingerprint).join(", ")}`,
  );
}

async function keysAt(socket: string): Promise<readonly AgentKey[]> {
  const { type, reader } = await ask(socket, Buffer.of(REQUEST_IDENTITIES));
  if (type !== IDENTITIES_ANSWER) throw unexpected(socket);
  const keys: AgentKey[] = [];
  for (let left = reader.uint32(); left > 0; left--) {
    const blob = new Reader(reader.string());
    const comment = reader.string().toString("utf8");
    if (blob.string().toString() !== TYPE) continue;
    const publicBytes = new Uint8Array(blob.string());
    if (publicBytes.byteLength === KEY_BYTES)
      keys.push({ publicBytes, comment, fingerprint: fingerprintOf(publicBytes) });
  }
  return keys;
}

function fingerprintOf(publicBytes: Uint8Array): string {
  const hash = sha256(joined(string(Buffer.from(TYPE)), string(publicBytes)));
  return `SHA256:${Buffer.from(hash).toString("base64").replaceAll("=", "")}`;
}

/** An agent's answer. */
interface Answer {
  readonly type: number;
  readonly reader: Reader;
}

/** Asks an agent once, on a connection of its own. */
async function ask(socket: string, request: Uint8Array): Promise<Answer> {
  const connection = connect(socket);
  const patience = setTimeout(() => connection.destroy(hanging(socket)), TIMEOUT_MS);
  try {
    connection.write(joined(uint32(request.byteLength), request));
    let held = Buffer.alloc(0);
    for await (const chunk of connection as AsyncIterable<Buffer>) {
      held = Buffer.concat([held, chunk]);
      if (held.byteLength < 4) continue;
      const length = held.readUInt32BE();
      if (length === 0 || length > MAX_ANSWER_BYTES) throw unexpected(socket);
      if (held.byteLength >= 4 + length)
        return { type: held[4] ?? FAILURE, reader: new Reader(held.subarray(5, 4 + length)) };
    }
    throw new Error("it closed the connection");
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    throw new CommandError(
      "unavailable",
      `no ssh-agent answers at ${socket} (${cause instanceof Error ? cause.message : String(cause)}): it has ended, this is not its socket, or it is another account's, and OpenSSH's answers its own only. Start it and add the keys (ssh-add), and see that SSH_AUTH_SOCK, or AUDIT_SIGNING_KEY, names its socket`,
      { cause },
    );
  } finally {
    clearTimeout(patience);
    connection.destroy();
  }
}

const hanging = (socket: string): CommandError =>
  new CommandError(
    "unavailable",
    `the ssh-agent at ${socket} has not answered within ${TIMEOUT_MS / 1_000} s: whoever must confirm a signature, or touch a key, has not, or it hangs`,
  );

const unexpected = (socket: string): CommandError =>
  new CommandError("unavailable", `what answers at ${socket} is no ssh-agent with Ed25519 keys`);

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const string = (bytes: Uint8Array): Buffer => joined(uint32(bytes.byteLength), bytes);
const joined = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

/** Reads an answer from its beginning. */
class Reader {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  string(): Buffer {
    return this.#take(this.uint32());
  }

  #take(length: number): Buffer {
    if (length > this.#rest.byteLength)
      throw new CommandError("unavailable", "an ssh-agent's answer is shorter than it says");
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }
}
