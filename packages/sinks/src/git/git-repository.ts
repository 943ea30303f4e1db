import { readFile, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { errno, SinkError } from "../errors.ts";
import type { Git } from "./git.ts";

/**
 * Somebody's git repository, read as data. Whoever may write to its folder can put a command into its configuration (a
 * hook, a filter, `core.fsmonitor`, `core.sshCommand`, a remote's `uploadpack`, …), and git would run it as the publisher.
 * So git is never started *in* such a repository: its places are found here, and its settings are text.
 */
export interface Repository {
  /** As it was named, for messages. */
  readonly folder: string;
  /** Absolute and without symbolic links; undefined for a bare repository. */
  readonly workTree: string | undefined;
  /** Holds HEAD and the index. */
  readonly gitDirectory: string;
  /** Holds objects, references and the configuration; another folder than `gitDirectory` for a linked work tree. */
  readonly commonDirectory: string;
  /** The values of `config`, by name with section and variable in lower case. Includes are not followed. */
  readonly settings: ReadonlyMap<string, readonly string[]>;
}

const MAX_POINTER_BYTES = 4_096;

/**
 * Finds the parts of a repository. `git` is used for nothing but `git config --file`, which reads and runs nothing.
 *
 * @throws {SinkError} `folder_missing`, `wrong_type`, `permission`
 */
export async function readRepository(git: Git, folder: string): Promise<Repository> {
  const workTree = await findFolder(folder);
  try {
    const dotGit = join(workTree, ".git");
    const kind = await kindOf(dotGit);
    const gitDirectory =
      kind === "folder" ? dotGit : kind === "file" ? await followPointer(dotGit, /^gitdir: (.+)$/, workTree) : workTree;
    const isLinked = (await kindOf(join(gitDirectory, "commondir"))) === "file";
    const commonDirectory = isLinked
      ? await followPointer(join(gitDirectory, "commondir"), /^(.+)$/, gitDirectory)
      : gitDirectory;
    const parts = [join(gitDirectory, "HEAD"), join(commonDirectory, "objects"), join(commonDirectory, "refs")];
    if ((await Promise.all(parts.map(kindOf))).join() !== "file,folder,folder") throw noRepository(folder);
    const settings = await readSettings(git, join(commonDirectory, "config"));
    const storage = settings.get("extensions.refstorage")?.at(-1) ?? "files";
    if (storage !== "files")
      throw new SinkError(
        "wrong_type",
        `${folder} keeps its references as ${JSON.stringify(storage)}, and this program can only read files: git refs migrate --ref-format=files`,
      );
    return {
      folder,
      workTree: gitDirectory === workTree ? undefined : workTree,
      gitDirectory: await realpath(gitDirectory),
      commonDirectory: await realpath(commonDirectory),
      settings,
    };
  } catch (cause) {
    if (cause instanceof SinkError) throw cause;
    if (errno(cause) === "EACCES") throw new SinkError("permission", `${folder}: ${messageOf(cause)}`, { cause });
    throw new SinkError("wrong_type", `${folder} is not a git repository that can be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** `sha1` or `sha256`. */
export function objectFormatOf({ folder, settings }: Repository): string {
  const format = settings.get("extensions.objectformat")?.at(-1)?.toLowerCase() ?? "sha1";
  if (format === "sha1" || format === "sha256") return format;
  throw new SinkError(
    "wrong_type",
    `${folder} has objects of the format ${JSON.stringify(format)}; expected sha1 or sha256`,
  );
}

/** The branch that a repository has checked out, also when it has no commit yet. */
export async function headBranch({ gitDirectory }: Repository): Promise<string | undefined> {
  const head = await readFile(join(gitDirectory, "HEAD"), "utf8").catch(() => "");
  return /^ref: *refs\/heads\/(\S+)\s*$/.exec(head)?.[1];
}

async function findFolder(folder: string): Promise<string> {
  try {
    if ((await stat(folder)).isDirectory()) return await realpath(folder);
  } catch (cause) {
    if (errno(cause) === "EACCES") throw new SinkError("permission", `${folder}: ${messageOf(cause)}`, { cause });
  }
  throw new SinkError(
    "folder_missing",
    `the repository ${folder} does not exist. It is not created, because it may be on a disk that is not mounted: mount it or clone it`,
  );
}

const noRepository = (folder: string): SinkError =>
  new SinkError("wrong_type", `${folder} is not a git repository: clone or create it first (it is never created)`);

async function kindOf(path: string): Promise<"file" | "folder" | "other" | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? "file" : found.isDirectory() ? "folder" : "other";
  } catch (error) {
    if (errno(error) === "ENOENT" || errno(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** What a `.git` or `commondir` file names, as gitrepository-layout(5) has it. */
async function followPointer(file: string, form: RegExp, base: string): Promise<string> {
  if ((await stat(file)).size > MAX_POINTER_BYTES) throw new SinkError("wrong_type", `${file} is too long`);
  const target = form.exec((await readFile(file, "utf8")).trimEnd())?.[1];
  if (target === undefined) throw new SinkError("wrong_type", `${file} does not name a git directory`);
  return resolve(base, target);
}

async function readSettings(git: Git, file: string): Promise<Map<string, string[]>> {
  const settings = new Map<string, string[]>();
  const kind = await kindOf(file);
  if (kind === undefined) return settings;
  if (kind !== "file") throw new SinkError("wrong_type", `${file} is not a regular file`);
  const listed = await git.text(["config", "--file", file, "--no-includes", "--null", "--list"]);
  for (const entry of listed.split("\0")) {
    const at = entry.indexOf("\n");
    if (entry === "") continue;
    const name = at === -1 ? entry : entry.slice(0, at);
    settings.set(name, [...(settings.get(name) ?? []), at === -1 ? "true" : entry.slice(at + 1)]);
  }
  return settings;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
