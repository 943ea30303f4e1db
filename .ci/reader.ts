/** What somebody has who has never seen this repository: packages from a registry, and no environment of ours. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { publishedPackages, ROOT, tarballName } from "./packages.ts";

/** Where pages and examples say that the repository is. */
const REPOSITORY = "https://github.com/scidex/audit-chain";

/** Packs every published package into a new folder, and returns the tarballs' paths. After a build. */
export function packAll(target: string): string[] {
  mkdirSync(target);
  return publishedPackages().map(({ path, manifest }) => {
    const args = ["-y", "pnpm@12", "pack", "--pack-destination", target];
    const { status, stdout, stderr } = spawnSync("npx", args, { cwd: path, encoding: "utf8" });
    if (status !== 0) throw new Error(`${manifest.name} can't be packed: ${stdout}${stderr}`);
    return join(target, tarballName(manifest));
  });
}

/**
 * The environment of commands that are run as a reader would: of this run's only the search path, certificates and the
 * package managers' caches.
 *
 * @param work a folder for the settings
 * @param registry see pages/registry.ts; asked for our packages only
 */
export function readerEnvironment(work: string, home: string, registry: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:AUDIT_|DATABASE_URL$|PG|npm_)/.test(name));
  const npmrc = join(work, "npmrc");
  const settings = [
    read(npmConfig("userconfig")),
    `@scidex:registry=${registry}`,
    `cache=${npmConfig("cache")}`,
    "prefer-offline=true",
    "loglevel=error",
    "update-notifier=false",
  ];
  writeFileSync(npmrc, `${settings.join("\n")}\n`);
  const gitconfig = join(work, "gitconfig");
  writeFileSync(gitconfig, `[url "file://${ROOT}"]\n\tinsteadOf = ${REPOSITORY}\n[safe]\n\tdirectory = *\n`);
  return {
    ...Object.fromEntries(inherited),
    HOME: home,
    PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`,
    NPM_CONFIG_USERCONFIG: npmrc,
    GIT_CONFIG_GLOBAL: gitconfig,
    XDG_DATA_HOME: process.env["XDG_DATA_HOME"] ?? join(homedir(), ".local/share"),
    XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
    NO_COLOR: "1",
  };
}

function npmConfig(name: string): string {
  return spawnSync("npm", ["config", "get", name], { encoding: "utf8" }).stdout.trim();
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
