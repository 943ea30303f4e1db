import { lstat, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { agentKey, belongingTo, createDurably, isOfAgent } from "@scidex/audit-command";
import {
  CoreError,
  generateKeyFile,
  elsewhereLine,
  generateSigningKey,
  keyFileElsewhere,
  parseKeyFile,
  type PublisherKeys,
  timestampName,
  type Vkeys,
  vkeyOf,
} from "@scidex/audit-core";
import { errno, messageOf, PublisherError } from "../errors.ts";
import { formatState, initialState } from "./state.ts";

const MAX_KEY_FILE_BYTES = 65_536;

/** The state file that belongs to a key file: in the folder of `AUDIT_STATE_DIR`, else beside it. */
export const stateFileOf = (keyFile: string): string => belongingTo(keyFile, ".state");

/** The key file of the log that follows after `n - 1` others in the place of the one that was named. */
export const successorKeyFile = (keyFile: string, n: number): string => `${keyFile}.${n}`;

/**
 * The key file of the log that is published now, and how many there have been: where a log has ended, the files of the
 * one that has begun stand beside its own, and the configuration keeps the first one's.
 */
export async function currentKeyFile(keyFile: string): Promise<{ readonly path: string; readonly number: number }> {
  let [path, number] = [keyFile, 1];
  for (let next = successorKeyFile(keyFile, 2); await exists(next); next = successorKeyFile(keyFile, number + 1))
    [path, number] = [next, number + 1];
  return { path, number };
}

/** The folder of the git sinks' own clones that belongs to a file of ours: a cache, where its state lies. */
export const clonesOf = (file: string): string => belongingTo(file, ".clones");

/**
 * Makes the keys of a new log: `out` with the log's key and the time-stamping key, and `out.state` with a state that
 * has published nothing, both with mode 0600. Nothing is ever overwritten.
 *
 * @returns the verifier keys (log, time-stamping, and ML-DSA-44 where it was asked for) to hand to verifiers.
 * @throws {PublisherError} `configuration` when the origin is no name for a key, or one of the files exists; `io`
 */
export async function generateKeyFiles(options: {
  readonly origin: string;
  readonly out: string;
  /** With an ML-DSA-44 key of the log, which signs checkpoints too. */
  readonly postQuantum?: boolean;
  /** Public keys that lie in an ssh-agent, the log's and that of its time-stamping: the file names them, and has no secret. */
  readonly elsewhere?: readonly [log: Uint8Array, timestamp: Uint8Array] | undefined;
}): Promise<{ vkeys: Vkeys }> {
  const { origin, out, elsewhere } = options;
  const { text, vkeys } = generate(origin, options.postQuantum === true, elsewhere);
  const state = stateFileOf(out);
  // The state first: a key file without its state is an error, a state file without keys is nothing.
  for (const [path, content] of [
    [state, formatState(initialState(origin))],
    [out, text],
  ] as const) {
    try {
      if (path === state && (await exists(out))) throw Object.assign(new Error(), { code: "EEXIST", path: out });
      await createDurably(path, content);
    } catch (cause) {
      const taken = errno(cause) === "EEXIST";
      if (path === out) await rm(state, { force: true });
      if (taken)
        throw new PublisherError(
          "configuration",
          `${(await exists(out)) ? out : path} exists already and is not overwritten: choose another name, or move it away (its log can't be continued without it)`,
          { cause },
        );
      if (errno(cause) === "ENOENT")
        throw new PublisherError(
          "configuration",
          `the folder ${dirname(path)} does not exist: make it first, for you alone: mkdir -p -m 700 ${dirname(path)}`,
          { cause },
        );
      throw new PublisherError("io", `the key file can't be created: ${messageOf(cause)}`, { cause });
    }
  }
  return { vkeys };
}

/**
 * Makes a key that signs erasures: `out` with mode 0600. Nothing is ever overwritten.
 *
 * @returns the verifier key
 * @throws {PublisherError} `configuration` when the name is none for a key, or the file exists; `io`
 */
export async function generateErasureKey({
  name,
  out,
  elsewhere,
}: {
  readonly name: string;
  readonly out: string;
  /** A public key that lies in an ssh-agent: the file names it. */
  readonly elsewhere?: Uint8Array | undefined;
}): Promise<string> {
  try {
    const made = elsewhere === undefined ? generateSigningKey(name, 1) : undefined;
    const vkey = made?.vkey ?? vkeyOf(name, 1, elsewhere ?? new Uint8Array());
    await createDurably(out, `${made?.signer ?? elsewhereLine(vkey)}\n`);
    return vkey;
  } catch (cause) {
    const isTaken = errno(cause) === "EEXIST";
    if (isTaken || cause instanceof CoreError)
      throw new PublisherError(
        "configuration",
        isTaken ? `${out} exists already and is not overwritten` : messageOf(cause),
        { cause },
      );
    throw new PublisherError("io", `the key can't be created: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Reads the publisher's keys.
 *
 * @throws {PublisherError} `configuration` when the file is missing, is no key file, or can be read by others.
 */
export async function readKeyFile(path: string): Promise<PublisherKeys> {
  const wrong = (why: string, cause?: unknown): PublisherError =>
    new PublisherError("configuration", `the key file ${path} ${why}`, { cause });
  let text: string;
  try {
    const handle = await open(path, "r");
    try {
      const { mode, size } = await handle.stat();
      if ((mode & 0o077) !== 0)
        throw wrong(
          `can be read by others (mode ${(mode & 0o777).toString(8).padStart(4, "0")}): chmod 600 ${path}, and think about who may have read it`,
        );
      if (size > MAX_KEY_FILE_BYTES) throw wrong("is too large to be a key file");
      text = await handle.readFile("utf8");
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof PublisherError) throw cause;
    throw wrong(
      errno(cause) === "ENOENT"
        ? `does not exist: make one with: audit-chain keygen --name ORIGIN ${isOfAgent(path) ? "--agent" : `--out ${path}`}`
        : `can't be read: ${messageOf(cause)}`,
      cause,
    );
  }
  try {
    return parseKeyFile(text, agentKey);
  } catch (cause) {
    if (cause instanceof CoreError)
      throw wrong(`has the wrong format: ${cause.message}; audit-chain keygen makes one`, cause);
    throw cause;
  }
}

function generate(
  origin: string,
  postQuantum: boolean,
  elsewhere: readonly [Uint8Array, Uint8Array] | undefined,
): { text: string; vkeys: Vkeys } {
  try {
    if (elsewhere !== undefined) {
      const vkeys = [vkeyOf(origin, 1, elsewhere[0]), vkeyOf(timestampName(origin), 4, elsewhere[1])] as const;
      return { text: keyFileElsewhere(vkeys), vkeys };
    }
    return generateKeyFile(origin, { postQuantum });
  } catch (cause) {
    if (cause instanceof CoreError && cause.code === "key_unsupported")
      throw new PublisherError("configuration", cause.message, { cause });
    if (cause instanceof CoreError)
      throw new PublisherError("configuration", `${JSON.stringify(origin)} can't be a log's name: ${cause.message}`, {
        cause,
      });
    throw cause;
  }
}

/** Whether there is such a file. */
export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
