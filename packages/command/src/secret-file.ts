import { readFile, stat } from "node:fs/promises";

/**
 * The text of a file that holds a secret, which nobody but its owner may read.
 *
 * @throws {Error} saying what is wrong with it, and never what is in it
 */
export async function readSecretFile(path: string): Promise<string> {
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) throw new Error(`others may read it: run chmod 600 ${path}`);
  return await readFile(path, "utf8");
}
