import { readFile } from "node:fs/promises";
import {
  CoreError,
  generateKeyFile,
  headTrust,
  type HeadTrust,
  keyFileElsewhere,
  parseVerifierKey,
  type PublisherKeys,
  timestampName,
  toHex,
  type Vkeys,
  vkeyOf,
  vkeysOf,
} from "@scidex/audit-core";
import { headOf } from "@scidex/audit-reader";
import { errno, messageOf, PublisherError } from "../errors.ts";
import { createDurably, renameDurably, replaceDurably } from "@scidex/audit-command";
import { currentKeyFile, exists, readKeyFile, stateFileOf } from "./key-file.ts";
import type { ReplacedKeys } from "./log-history.ts";
import { parseState, type State } from "./state.ts";

/** The file in which keys lie that are to take the place of a key file's. */
export const nextKeyFile = (keyFile: string): string => `${keyFile}.next`;

/** The keys of a log. */
export interface LogKeys {
  /** Those that sign now. */
  readonly keys: PublisherKeys;
  /** What trusts them, and those before them: lines of theirs are in the sinks. */
  readonly trust: HeadTrust;
  /** The last replacement, where the run that made it was cut off before it had done all. */
  readonly unfinished: ReplacedKeys | undefined;
}

/**
 * Reads the keys that sign now. Where they were replaced by the state, and a run that was killed has not put the new ones
 * into their file, this does.
 *
 * @param others verifier keys of the log that its state may have lost
 * @throws {PublisherError} as `readKeyFile`; `state_outdated` where the file has keys that have been replaced
 */
export async function readLogKeys(keyFile: string, others: readonly string[] = []): Promise<LogKeys> {
  const state = await readStateOrNone(stateFileOf(keyFile));
  const replaced = state?.replaced ?? [];
  let keys = await readKeyFile(keyFile);
  const turn = replaced.findLast((one) => one.keys.includes(keys.log.vkey));
  if (turn !== undefined) {
    await takePlace(keyFile, turn);
    keys = await readKeyFile(keyFile);
    if (keys.log.vkey !== turn.by[0]) throw replacedAlready(keyFile, turn);
  }
  const names = [keys.origin, keys.timestamp.name];
  const earlier = [...replaced.flatMap((one) => one.keys), ...others.filter((key) => names.includes(nameOf(key)))];
  const trust = headTrust([...new Set([...vkeysOf(keys), ...earlier])], keys.origin);
  const unfinished = turn ?? (state && isUndelivered(state, trust) ? replaced.at(-1) : undefined);
  return { keys, trust, unfinished };
}

/** Whether the head with which keys were replaced is the last one, and is not in every sink yet. */
function isUndelivered({ head, sinks, replaced }: State, trust: HeadTrust): boolean {
  if (head === null || replaced.length === 0) return false;
  if (!Object.values(sinks).some(({ outbox }) => outbox.includes(head))) return false;
  const read = headOf(head, trust);
  return !(read instanceof CoreError) && read.signedBy.logKeys.length > 1;
}

const nameOf = (vkey: string): string => vkey.split("+", 1)[0] ?? "";

async function readStateOrNone(path: string): Promise<State | undefined> {
  // Whoever opens the state says what is wrong with it.
  if (!(await exists(path))) return undefined;
  try {
    return parseState(await readFile(path, "utf8"), path);
  } catch (error) {
    if (error instanceof PublisherError || errno(error) !== undefined) return undefined;
    throw error;
  }
}

/** The verifier keys of a log that its files know: those that sign, and those before them. Nothing is changed. */
export async function readVkeys(keyFile: string): Promise<string[]> {
  const current = vkeysOf(await readKeyFile(keyFile));
  const { replaced = [] } = (await readStateOrNone(stateFileOf(keyFile))) ?? {};
  return [...new Set([...current, ...replaced.flatMap(({ keys, by }) => [...keys, ...by])])];
}

/**
 * What has been replaced is so for ever: a log that came back to a key could not tell its own heads from those of whoever has
 * taken that key.
 *
 * @param named where the new ones are named
 * @throws {PublisherError} `configuration` where a log has or had one of the keys that are to come, in whatever role
 */
async function requireNew(keyFile: string, vkeys: readonly string[], named: string): Promise<void> {
  const known = (await readVkeys(keyFile)).map(publicTextOf);
  const again = vkeys.find((vkey) => known.includes(publicTextOf(vkey)));
  if (again === undefined) return;
  throw new PublisherError(
    "configuration",
    `${named} the key ${idOf(again)}, which this log has or had: expected new ones. One that was replaced signs nothing any more`,
  );
}

const publicTextOf = (vkey: string): string => toHex(parseVerifierKey(vkey).publicBytes);

/** Puts the new keys into the file of the old ones, whose secret is gone with that. */
async function takePlace(keyFile: string, { by }: ReplacedKeys): Promise<void> {
  const next = nextKeyFile(keyFile);
  if (!(await exists(next))) return;
  const { log } = await readKeyFile(next);
  if (log.vkey !== by[0]) return;
  try {
    await renameDurably(next, keyFile);
  } catch (cause) {
    // Another process was faster.
    if (errno(cause) !== "ENOENT")
      throw new PublisherError("io", `the new keys can't be put into ${keyFile}: ${messageOf(cause)}`, { cause });
  }
}

function replacedAlready(keyFile: string, { keys, by }: ReplacedKeys): PublisherError {
  return new PublisherError(
    "state_outdated",
    `the key file ${keyFile} has the key ${idOf(keys[0])}, which was replaced by ${idOf(by[0])} (audit-publisher rotate-key) and signs nothing any more: put the newer key file back. Where it is lost: audit-publisher begin, with AUDIT_SIGNING_KEY_FILE naming a file that is not there`,
  );
}

const idOf = (vkey = ""): string => vkey.split("+", 2).join("+");

/**
 * Names keys in an ssh-agent that are to take the place of a log's, for the next `rotateKey`.
 *
 * @returns their verifier keys
 * @throws {PublisherError} `configuration` where the file is another log's, others are named already, or the log has or had one
 *   of them; `io`
 */
export async function nameNextKeys(
  keyFile: string,
  origin: string,
  [log, timestamp]: readonly [log: Uint8Array, timestamp: Uint8Array],
): Promise<Vkeys> {
  const { path } = await currentKeyFile(keyFile);
  const { origin: known } = await readKeyFile(path);
  if (known !== origin)
    throw new PublisherError(
      "configuration",
      `${path} has keys of the log ${JSON.stringify(known)}: expected that name`,
    );
  const vkeys = [vkeyOf(origin, 1, log), vkeyOf(timestampName(origin), 4, timestamp)] as const;
  await requireNew(path, vkeys, "--agent names");
  const next = nextKeyFile(path);
  try {
    await createDurably(next, keyFileElsewhere(vkeys));
  } catch (cause) {
    if (errno(cause) === "EEXIST")
      throw new PublisherError("configuration", `${next} is there already: rotate the key with it, or move it away`, {
        cause,
      });
    throw new PublisherError("io", `the new keys can't be named: ${messageOf(cause)}`, { cause });
  }
  return vkeys;
}

/**
 * The keys that are to take the place of a log's: those that a run has made that was cut off, or new ones. There is an
 * ML-DSA-44 key among them where there is one now: verifiers that have it refuse a head without one.
 *
 * @throws {PublisherError} `configuration` where another log's lie there, not as many, or one that the log has or had; `io`
 */
export async function readNextKeys(
  keyFile: string,
  { origin, postQuantum, log }: PublisherKeys,
): Promise<PublisherKeys> {
  const path = nextKeyFile(keyFile);
  if (!(await exists(path))) {
    if (log.isElsewhere)
      throw new PublisherError(
        "configuration",
        `the keys of ${keyFile} lie in an ssh-agent, and no new ones are written into a file: add new ones to the agent (ssh-add), and name them with: audit-chain keygen --name ${origin} --agent KEY,KEY --next ${keyFile}`,
      );
    try {
      // Whole or not at all: the next run uses what a killed one has left.
      await replaceDurably(path, generateKeyFile(origin, { postQuantum: postQuantum !== undefined }).text);
    } catch (cause) {
      throw new PublisherError("io", `the new keys can't be written: ${messageOf(cause)}`, { cause });
    }
  }
  const keys = await readKeyFile(path);
  await requireNew(keyFile, vkeysOf(keys), `${path} has`);
  if (keys.origin === origin && (keys.postQuantum === undefined) === (postQuantum === undefined)) return keys;
  if (keys.origin === origin)
    throw new PublisherError(
      "configuration",
      `${path} has ${vkeysOf(keys).length} keys, and ${keyFile} not as many: move it away`,
    );
  throw new PublisherError(
    "configuration",
    `${path} has keys of the log ${JSON.stringify(keys.origin)}, not of ${JSON.stringify(origin)}: move it away`,
  );
}
