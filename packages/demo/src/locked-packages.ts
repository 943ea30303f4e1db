import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { sampleFile } from "./repository.ts";

/** A package as pnpm has locked it. */
export interface LockedPackage {
  /** `name@version` */
  readonly id: string;
  /** Subresource integrity, `sha512-…`. */
  readonly integrity: string | null;
  /** Names and versions that it depends on. */
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Rows for the demo, and where they come from. */
export interface Source<T> {
  readonly rows: readonly T[];
  readonly from: string;
}

/** The packages of the repository's `pnpm-lock.yaml`; without a repository, those of a part of it that is shipped. */
export async function lockedPackages(root: string | undefined): Promise<Source<LockedPackage>> {
  const path = root === undefined ? sampleFile("pnpm-lock.yaml") : join(root, "pnpm-lock.yaml");
  const rows = parseLockFile(await readFile(path, "utf8"));
  const from =
    root === undefined
      ? "packages of a shipped part of a pnpm-lock.yaml (there is no repository here)"
      : "packages of pnpm-lock.yaml";
  return { rows, from };
}

/** Reads a lock file of version 9: `packages` has what was locked, `snapshots` what each depends on. */
function parseLockFile(text: string): LockedPackage[] {
  // pnpm keeps its own version's lock in a document before.
  const documents = parseAllDocuments(text).map((document): unknown => document.toJS());
  return documents.filter(isObject).flatMap((lock) => {
    const { packages, snapshots } = lock;
    if (!isObject(packages)) return [];
    return Object.entries(packages).map(([id, entry]) => ({
      id,
      integrity: integrityOf(entry),
      dependencies: isObject(snapshots) ? dependenciesOf(id, snapshots) : {},
    }));
  });
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function integrityOf(entry: unknown): string | null {
  const resolution = isObject(entry) ? entry["resolution"] : undefined;
  const integrity = isObject(resolution) ? resolution["integrity"] : undefined;
  return typeof integrity === "string" ? integrity : null;
}

/** A snapshot's name is the package's, with its peers behind it in brackets. */
function dependenciesOf(id: string, snapshots: Readonly<Record<string, unknown>>): Record<string, string> {
  const found = snapshots[id] ?? Object.entries(snapshots).find(([name]) => name.startsWith(`${id}(`))?.[1];
  const dependencies = isObject(found) ? found["dependencies"] : undefined;
  return isObject(dependencies)
    ? Object.fromEntries(Object.entries(dependencies).map(([name, version]) => [name, String(version)]))
    : {};
}
