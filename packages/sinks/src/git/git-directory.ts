import { createHash } from "node:crypto";
import { chmod, lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errno, SinkError } from "../errors.ts";
import { objectFormatOf, type Repository } from "./git-repository.ts";
import { replaceFile } from "./replace-file.ts";

/**
 * A git directory of our own, which is what git is started with. All of its configuration is written here:
 *
 *     HEAD       ref: refs/heads/none
 *     config     [core] bare = true; the object format
 *     objects/   our own, or a link to those of a repository on this machine
 *     refs/      likewise
 *
 * There are no hooks, attributes, alternates of ours, remotes or credentials in it.
 */
const HEAD = "ref: refs/heads/none\n";

/** `core.sharedRepository`, as git-config(1) lists its values. */
const SHARED = /^(?:umask|group|all|world|everybody|true|false|0?[0-7]{3})$/i;

function configOf(repository: Repository, isShared: boolean): string {
  const format = objectFormatOf(repository);
  const shared = repository.settings.get("core.sharedrepository")?.at(-1) ?? "";
  return [
    "[core]",
    `\trepositoryformatversion = ${format === "sha1" ? 0 : 1}`,
    "\tbare = true",
    ...(isShared && SHARED.test(shared) ? [`\tsharedRepository = ${shared}`] : []),
    ...(format === "sha1" ? [] : ["[extensions]", `\tobjectFormat = ${format}`]),
    "",
  ].join("\n");
}

/**
 * A git directory that has the objects and references of a repository on this machine, and a configuration of our own. The
 * caller removes the folder.
 */
export async function openView(repository: Repository): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "audit-chain-git-"));
  await writeFile(join(directory, "HEAD"), HEAD);
  await writeFile(join(directory, "config"), configOf(repository, true));
  for (const name of ["objects", "refs", "packed-refs"])
    await symlink(join(repository.commonDirectory, name), join(directory, name));
  return directory;
}

/** The name of the folder of a clone: one for each remote and object format. */
export const cloneName = (repository: Repository, remote: string): string =>
  `${createHash("sha256")
    .update(`${objectFormatOf(repository)} ${remote}`)
    .digest("hex")
    .slice(0, 24)}.git`;

/**
 * A clone of our own: objects that were fetched, and one reference, `refs/heads/log`, that keeps them. It is a cache, and
 * may be removed at any time. Made if it is not there; whatever else was put into it is overwritten or removed.
 *
 * To be called by whoever holds its lock: locks that a killed git has left in it are removed.
 */
export async function prepareClone(repository: Repository, directory: string): Promise<void> {
  await makeOwnFolder(directory);
  const known = new Set(["HEAD", "config", "objects", "refs", "packed-refs", "shallow"]);
  for (const name of await readdir(directory))
    if (!known.has(name)) await rm(join(directory, name), { recursive: true, force: true });
  await mkdir(join(directory, "objects", "info"), { recursive: true });
  await mkdir(join(directory, "refs", "heads"), { recursive: true });
  for (const name of ["refs/heads/log.lock", "objects/info/alternates", "objects/info/http-alternates"])
    await rm(join(directory, name), { force: true });
  await replaceFile(join(directory, "HEAD"), HEAD);
  await replaceFile(join(directory, "config"), configOf(repository, false));
}

/** Makes a folder that nobody else can write to; one that somebody else has made is refused. */
export async function makeOwnFolder(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const found = await lstat(directory);
    const isOurs = found.isDirectory() && (process.getuid === undefined || found.uid === process.getuid());
    if (!isOurs) throw new SinkError("permission", `${directory} is not a folder of this user: remove it`);
    if ((found.mode & 0o077) !== 0) await chmod(directory, 0o700);
  } catch (cause) {
    if (cause instanceof SinkError) throw cause;
    throw new SinkError(
      errno(cause) === "EACCES" || errno(cause) === "EROFS" ? "permission" : "io",
      `${directory}, where the git sink keeps its own clone, can't be made: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
