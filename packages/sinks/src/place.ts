import { readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { errno } from "./errors.ts";

/** Where a sink's log is, however its URL is spelled. */
export interface Place {
  /** The sink's name. */
  readonly name: string;
  /** A log in a git repository. */
  readonly git:
    | {
        readonly where: string;
        readonly path: string;
        /** Undefined: the remote's default branch, whatever that is. */
        readonly branch: string | undefined;
      }
    | undefined;
  /** A log in a file: without symbolic links, and by device and inode (of the folder, where there is no file yet). */
  readonly file: { readonly path: string; readonly identity: string } | undefined;
  /** A log in a bucket. */
  readonly bucket?: {
    /** Host, bucket and prefix. */
    readonly where: string;
    /** Who wrote its first object, which says that of two logs that they are one; undefined where there is none yet. */
    readonly writer: string | undefined;
  };
  /** Folders that belong to the sink: a repository's own, and its work tree. */
  readonly folders: readonly string[];
}

/** Device and inode: the same for all hard links and mounts of one object. */
export async function identityOf(path: string): Promise<string> {
  const { dev, ino } = await stat(path, { bigint: true });
  return `${dev}:${ino}`;
}

/** The place of a log in a file that may not be there yet; undefined where its folder cannot be found. */
export async function placeOfFile(name: string, path: string): Promise<Place | undefined> {
  try {
    return { name, git: undefined, file: await findFile(path, MAX_LINKS), folders: [] };
  } catch (error) {
    if (errno(error) === undefined) throw error;
    return undefined;
  }
}

/** As many symbolic links as Linux follows. */
const MAX_LINKS = 40;

async function findFile(path: string, links: number): Promise<Place["file"]> {
  const folder = await realpath(dirname(path));
  const here = join(folder, basename(path));
  try {
    return { path: await realpath(here), identity: await identityOf(here) };
  } catch (error) {
    if (errno(error) !== "ENOENT") throw error;
  }
  // A link may lead to where the first append will make the file.
  const target = links === 0 ? undefined : await readlink(here).catch(() => undefined);
  if (target !== undefined) return await findFile(resolve(folder, target), links - 1);
  return { path: here, identity: `${await identityOf(folder)}/${basename(path)}` };
}
