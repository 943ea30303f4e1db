import { readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { errno, SinkError } from "./errors.ts";
import type { Sink } from "./sink.ts";

/** Where a sink's log is, however its URL is spelled. */
export interface Place {
  /** The sink's name. */
  readonly name: string;
  /** A log in a git repository. */
  readonly log:
    | {
        readonly where: string;
        readonly path: string;
        /** Undefined: the remote's default branch, whatever that is. */
        readonly branch: string | undefined;
      }
    | undefined;
  /** A log in a file: without symbolic links, and by device and inode (of the folder, where there is no file yet). */
  readonly file: { readonly path: string; readonly identity: string } | undefined;
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
    return { name, log: undefined, file: await findFile(path, MAX_LINKS), folders: [] };
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

/** Two sinks that are one: whoever edits it has edited both. */
export interface SamePlace {
  readonly first: string;
  readonly second: string;
  /** In words, without the names. */
  readonly why: string;
}

/**
 * Finds the sinks of a list that are one. A sink whose place cannot be found now is passed over: it cannot be read or
 * written either.
 */
export async function sinksThatAreOne(sinks: readonly Pick<Sink, "place">[]): Promise<SamePlace[]> {
  const places = await Promise.all(
    sinks.map(async (sink) =>
      sink.place().catch((error: unknown) => {
        if (error instanceof SinkError) return undefined;
        throw error;
      }),
    ),
  );
  return samePlaces(places.filter((place) => place !== undefined));
}

function samePlaces(places: readonly Place[]): SamePlace[] {
  return places.flatMap((second, at) =>
    places.slice(0, at).flatMap((first) => {
      const why = sameness(first, second);
      return why === undefined ? [] : [{ first: first.name, second: second.name, why }];
    }),
  );
}

function sameness(a: Place, b: Place): string | undefined {
  if (a.file !== undefined && b.file !== undefined) {
    if (a.file.path === b.file.path) return `both are the file ${a.file.path}`;
    if (a.file.identity === b.file.identity) return "both are one file (a hard link, or one disk mounted twice)";
    return undefined;
  }
  if (a.log !== undefined && b.log !== undefined) {
    const isOne =
      a.log.where === b.log.where &&
      a.log.path === b.log.path &&
      (a.log.branch === b.log.branch || a.log.branch === undefined || b.log.branch === undefined);
    return isOne ? `both are the file ${a.log.path} on one branch of one repository` : undefined;
  }
  const [file, other] = a.file === undefined ? [b.file, a] : [a.file, b];
  const folder = other.folders.find((own) => file !== undefined && `${file.path}${sep}`.startsWith(`${own}${sep}`));
  return folder === undefined ? undefined : `the file is within the other one's repository, ${folder}`;
}
