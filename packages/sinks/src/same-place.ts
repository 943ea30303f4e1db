import { sep } from "node:path";
import { SinkError } from "./errors.ts";
import type { Place } from "./place.ts";
import type { Sink } from "./sink.ts";

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
  if (a.git !== undefined && b.git !== undefined) {
    const isOne =
      a.git.where === b.git.where &&
      a.git.path === b.git.path &&
      (a.git.branch === b.git.branch || a.git.branch === undefined || b.git.branch === undefined);
    return isOne ? `both are the file ${a.git.path} on one branch of one repository` : undefined;
  }
  if (a.bucket !== undefined && b.bucket !== undefined) {
    if (a.bucket.where === b.bucket.where) return "both are one prefix of one bucket";
    const isOne = a.bucket.writer !== undefined && a.bucket.writer === b.bucket.writer;
    return isOne ? "both have the same first object (one bucket by two names, or a copy that follows it)" : undefined;
  }
  const [file, other] = a.file === undefined ? [b.file, a] : [a.file, b];
  const folder = other.folders.find((own) => file !== undefined && `${file.path}${sep}`.startsWith(`${own}${sep}`));
  return folder === undefined ? undefined : `the file is within the other one's repository, ${folder}`;
}
