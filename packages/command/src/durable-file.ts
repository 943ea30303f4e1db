import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Replaces a file's content, all or nothing, even across a power cut. The text is written to `PATH.tmp` with mode 0600,
 * synced, and renamed over the file. Then the folder is synced, because a rename may be undone without that.
 *
 * Not `replaceWhole`: that makes a file for others to read, which may be lost with a power cut.
 */
export async function replaceDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  // A leftover of a process that was killed is overwritten: only the holder of the publisher's lock gets here.
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await renameDurably(temporary, path);
}

/** Creates a file with mode 0600 and syncs it; `EEXIST` where there is one. */
export async function createDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(path);
}

/** Renames a file over another, so that it stays so across a power cut. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(to);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
