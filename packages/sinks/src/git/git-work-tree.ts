import { lstat, mkdir, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errno } from "../errors.ts";
import type { Git } from "./git.ts";
import type { Repository } from "./git-repository.ts";
import { replaceFile } from "./replace-file.ts";

/**
 * After the checked-out branch has moved, brings the log's own index entry and file along, each only if it was what
 * the branch had before. A user's changes to the log stay as they are, and so does everything else. Best effort: the
 * log itself is already safe, so a locked index (a user's own git command) is left alone.
 */
export async function updateWorkTree(
  git: Git,
  { workTree, gitDirectory }: Repository,
  change: { path: string; mode: string; from: string | undefined; to: string },
): Promise<void> {
  const { path, mode, from, to } = change;
  if (workTree === undefined) return;
  const env = { GIT_INDEX_FILE: join(gitDirectory, "index") };
  const staged = (await git.run(["ls-files", "--stage", "-z", "--", path], { env })).stdout;
  const index = /^\d+ ([0-9a-f]+) 0\t/.exec(staged)?.[1];
  if (index !== from) return;
  const file = (await isWithin(workTree, path)) ? await workFile(git, join(workTree, path)) : null;
  if ((await git.run(["update-index", "--add", "--cacheinfo", `${mode},${to},${path}`], { env })).code !== 0) return;
  if (file === from) await writeFromBlob(git, join(workTree, path), to);
}

/** Whether a path stays in the work tree: a folder in it could be a link to one where a file means something. */
async function isWithin(workTree: string, path: string): Promise<boolean> {
  for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
    try {
      return (await realpath(join(workTree, folder))) === join(workTree, folder);
    } catch (error) {
      if (errno(error) !== "ENOENT") return false;
    }
  }
  return true;
}

/** Not through `git checkout-index`, which runs the smudge filters that the repository configures. */
async function writeFromBlob(git: Git, path: string, blob: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, git.stream(["cat-file", "blob", blob]));
  } catch {
    // The log is in the branch.
  }
}

/** The blob that a file of the work tree would be, `undefined` where nothing is there, `null` where it is not a file. */
async function workFile(git: Git, path: string): Promise<string | undefined | null> {
  try {
    if (!(await lstat(path)).isFile()) return null;
  } catch (error) {
    if (errno(error) === "ENOENT") return undefined;
    return null;
  }
  const hashed = await git.run(["hash-object", "--no-filters", "--", path]);
  return hashed.code === 0 ? hashed.stdout.trim() : null;
}
