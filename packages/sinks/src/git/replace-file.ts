import { randomUUID } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";

/**
 * Replaces a file's content, all or nothing: it is written beside the file and renamed. Not synced: whatever is replaced
 * here is made again where it is lost.
 *
 * `replaceWhole` of the command package is another: no package below both has a file system.
 */
export async function replaceFile(path: string, content: string | AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, content, { flag: "wx" });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}
