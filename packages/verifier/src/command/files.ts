import { readFile } from "node:fs/promises";
import { escapeMessage, replaceFile, verifierKeysSource } from "@scidex/audit-command";
import { parsePolicy, type Policy } from "../coverage/policy.ts";
import { EMPTY_STATE, parseState, type VerifierState } from "@scidex/audit-reader";
import { configuration, messageOf } from "./errors.ts";

export async function readPolicy(file: string | undefined): Promise<Policy | null> {
  if (file === undefined) return null;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw configuration(`the policy file ${file} cannot be read: ${messageOf(error)}`, error);
  }
  try {
    return parsePolicy(text);
  } catch (error) {
    throw configuration(`${file}: ${messageOf(error)}`, error);
  }
}

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
    throw configuration(`${file}: ${messageOf(error)}`, error);
  }
}

export async function readKeys(): Promise<readonly string[]> {
  const source = verifierKeysSource();
  if (source === undefined) return [];
  if ("keys" in source) return source.keys;
  try {
    return (await readFile(source.file, "utf8")).split(/[\s,]+/u).filter((word) => word !== "");
  } catch (error) {
    throw configuration(
      `AUDIT_VERIFIER_KEYS is "${source.file}", which is neither a list of verifier keys (name+hash+key) nor a file that can be read`,
      error,
    );
  }
}

/**
 * Writes a file that was asked for. Where that fails at the end, it is said, and the finding that has been printed is still
 * a finding.
 */
export async function write(option: string, file: string | undefined, make: () => string): Promise<boolean> {
  if (file === undefined) return true;
  try {
    await replaceFile(option, file, make());
    return true;
  } catch (error) {
    process.stderr.write(`error: ${escapeMessage(messageOf(error))}\n`);
    return false;
  }
}
