import { readFile } from "node:fs/promises";
import { verifierKeysSource } from "@scidex/audit-command";
import { type NoteVerifier, parseVerifierKey } from "@scidex/audit-core";
import { configuration, messageOf } from "./errors.ts";

/**
 * The words of `AUDIT_VERIFIER_KEYS`, or of the file that it names; none where it is not set.
 *
 * @throws {CommandError} `configuration` where the file cannot be read
 */
export async function readKeys(): Promise<readonly string[]> {
  const source = verifierKeysSource();
  if (source === undefined) return [];
  return "keys" in source ? source.keys : await keysInFile("AUDIT_VERIFIER_KEYS", source.file);
}

/**
 * The words of a file of verifier keys.
 *
 * @param option what names the file, for messages
 * @throws {CommandError} `configuration` where it cannot be read
 */
export async function keysInFile(option: string, file: string): Promise<readonly string[]> {
  try {
    return keyWords(await readFile(file, "utf8"));
  } catch (error) {
    throw configuration(
      `${option} is "${file}", which is neither a list of verifier keys (name+hash+key) nor a file that can be read`,
      error,
    );
  }
}

/** The words of a list of keys. */
export const keyWords = (text: string): string[] => text.split(/[\s,]+/u).filter((word) => word !== "");

/**
 * The keys that these words are.
 *
 * @throws {CommandError} `configuration` where one is not a verifier key
 */
export const parseKeys = (words: readonly string[]): NoteVerifier[] => words.map(parseKey);

function parseKey(word: string): NoteVerifier {
  try {
    return parseVerifierKey(word);
  } catch (error) {
    throw configuration(
      `AUDIT_VERIFIER_KEYS: ${JSON.stringify(word.slice(0, 80))} is not a verifier key: ${messageOf(error)}`,
      error,
    );
  }
}
