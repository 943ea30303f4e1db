import { readFile } from "node:fs/promises";
import { CommandError, verifierKeysSource } from "@scidex/audit-command";
import { CoreError, type NoteVerifier, parseVerifierKey } from "@scidex/audit-core";

/**
 * The verifier keys of `AUDIT_VERIFIER_KEYS`; none where it is not set.
 *
 * @throws {CommandError} `configuration`: a file that cannot be read, or a text that is not a key
 */
export async function readVerifierKeys(): Promise<NoteVerifier[]> {
  const source = verifierKeysSource();
  if (source === undefined) return [];
  const words = "keys" in source ? source.keys : (await readKeys(source.file)).split(/[\s,]+/).filter((w) => w !== "");
  try {
    return words.map((word) => parseVerifierKey(word));
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new CommandError(
      "configuration",
      `AUDIT_VERIFIER_KEYS holds something that is not a verifier key: ${cause.message}`,
      {
        cause,
      },
    );
  }
}

async function readKeys(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new CommandError(
      "configuration",
      `AUDIT_VERIFIER_KEYS is "${file}", which is neither a list of verifier keys (name+hash+key) nor a file that can be read`,
      { cause },
    );
  }
}
