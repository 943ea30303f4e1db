import { readFile } from "node:fs/promises";
import { escapeMessage, replaceFile, writeError } from "@scidex/audit-command";
import { parsePolicy, type Policy } from "../coverage/policy.ts";
import { EMPTY_STATE, formatState, laterState, parseState, type VerifierState } from "@scidex/audit-reader";
import { lockFile } from "@scidex/audit-sinks";
import { configuration, messageOf } from "./errors.ts";

/**
 * Reads a policy file.
 *
 * @param origin of which log it must be, where it says so
 * @throws {CommandError} `configuration` where it cannot be read, is not one, or is another log's
 */
export async function readPolicy(file: string, origin?: string): Promise<Policy> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw configuration(`the policy file ${file} cannot be read: ${messageOf(error)}`, error);
  }
  let policy: Policy;
  try {
    policy = parsePolicy(text);
  } catch (error) {
    throw configuration(`the policy file ${file}: ${messageOf(error)}`, error);
  }
  // Another log's may expect less, and what it has approved was another chain. Those that follow a log have its policy.
  const origins = [policy.origin, ...(policy.logs ?? []).map((log) => log.origin)];
  if (origin !== undefined && policy.origin !== null && !origins.includes(origin))
    throw configuration(
      `the policy file ${file} is of the log ${policy.origin}; expected ${origin}, as AUDIT_ORIGIN says`,
      undefined,
    );
  return policy;
}

/**
 * Reads a verifier's state; that of a first run where there is no file, or none is kept.
 *
 * @throws {CommandError} `configuration` where it cannot be read, or is not one
 */
export async function readState(file: string | undefined): Promise<VerifierState> {
  if (file === undefined) return EMPTY_STATE;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return EMPTY_STATE;
    throw configuration(`the state file ${file} cannot be read: ${messageOf(error)}`, error);
  }
  try {
    return parseState(text);
  } catch (error) {
    throw configuration(`the state file ${file}: ${messageOf(error)}`, error);
  }
}

/** How long to wait for another run that writes the same file at this moment, in milliseconds. */
const LOCK_WAIT_MS = 10_000;

/**
 * Writes what is to be remembered. A run that ended meanwhile, and has seen more, is not forgotten.
 *
 * @param before what the run began with
 * @param replace writes the file
 * @throws whatever `replace` does
 */
export async function replaceState(
  file: string,
  { before, after }: { readonly before: VerifierState; readonly after: VerifierState },
  replace: (text: string) => Promise<void>,
): Promise<void> {
  // What cannot be locked, such as a device, or in time, is written all the same.
  const unlock = await lockFile(file, { timeoutMs: LOCK_WAIT_MS, signal: undefined }).catch(() => async () => {});
  try {
    const there = await readState(file).catch(() => EMPTY_STATE);
    await replace(formatState(laterState(after, { before, there })));
  } finally {
    await unlock();
  }
}

/**
 * Writes a file that was asked for. Where that fails at the end, it is said, and the finding that has been printed is still
 * a finding.
 */
export async function write(option: string, file: string | undefined, make: () => string): Promise<boolean> {
  if (file === undefined) return true;
  return await isDone(async () => await replaceFile(option, file, make()));
}

/** As `write`. */
export async function writeState(
  option: string,
  file: string | undefined,
  states: { readonly before: VerifierState; readonly after: VerifierState },
): Promise<boolean> {
  if (file === undefined) return true;
  return await isDone(
    async () => await replaceState(file, states, async (text) => await replaceFile(option, file, text)),
  );
}

async function isDone(writing: () => Promise<void>): Promise<boolean> {
  try {
    await writing();
    return true;
  } catch (error) {
    writeError(`error: ${escapeMessage(messageOf(error))}\n`);
    return false;
  }
}
