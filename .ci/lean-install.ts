/** What `npm install @scidex/audit-cli` brings, and how somebody who has only that sees the demo. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serveRegistry } from "./pages/registry.ts";
import { readerEnvironment } from "./reader.ts";

/**
 * At most so many packages come with the CLI, ours included: each is code that runs beside signing keys. There are 17, ten
 * of them ours, four for prom-client; there were 190 when the demo and a native driver for SQLite came with it.
 */
const MOST_PACKAGES = 17;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Installs the CLI by itself, from a registry that has the tarballs, and counts; then does what `audit-chain demo` says
 * there.
 *
 * @param work a folder for it
 * @returns what is wrong
 */
export async function checkLeanInstall(tarballs: readonly string[], work: string): Promise<string[]> {
  await using registry = await serveRegistry(tarballs);
  const [folder, home] = [join(work, "lean"), join(work, "home")];
  for (const path of [folder, home]) mkdirSync(path);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "lean", private: true, type: "module" }));
  const env = readerEnvironment(work, home, registry.url);
  const faults: string[] = [];
  const check = (what: string, isRight: boolean, ended: Ended): void => {
    console.log(`${isRight ? "ok   " : "FAIL "} ${what}`);
    if (!isRight) faults.push(`${what}: exit ${ended.code}\n${ended.stdout}${ended.stderr}`);
  };

  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const installed = await ended("npm", ["install", ...quiet, "@scidex/audit-cli"], folder, env);
  const names = installed.code === 0 ? installedPackages(folder) : [];
  const isLean = names.length > 0 && names.length <= MOST_PACKAGES;
  check(`audit-cli alone: ${names.length} packages, at most ${MOST_PACKAGES}`, isLean, installed);
  if (!isLean) faults.push(names.join(" "));

  const help = await ended("npx", ["audit-chain", "demo", "--help"], folder, env);
  check("audit-chain demo --help without the demo", help.code === 0, help);
  const refused = await ended("npx", ["audit-chain", "demo"], folder, env);
  const [, advice = ""] = /: run (npx .*)$/m.exec(refused.stderr) ?? [];
  check("audit-chain demo without the demo says what to run", refused.code === 3 && advice !== "", refused);
  const keys = await ended("npx", ["audit-chain", "keygen", "--name", "lean.example/log", "--out", "key"], folder, env);
  const sink = ["audit-chain", "verify", "--bundle", "s3://bucket/log"];
  const bare = await ended("npx", sink, folder, { ...env, AUDIT_VERIFIER_KEYS: keys.stdout });
  const says = bare.code === 3 && bare.stdout.includes("npm install @aws-sdk/client-s3");
  check("an s3: sink without the AWS SDK says what to install", says, bare);
  // Anywhere else: npx looks into the folder's own packages first.
  // With a cache of its own: npx keeps what it has installed by name and version, and these are of one version for long.
  const fresh = { ...env, NPM_CONFIG_CACHE: join(work, "npx-cache") };
  const shown = await ended("sh", ["-c", `${advice.replace("npx", "npx -y")} --json`], home, fresh);
  check(advice, shown.code === 0 && shown.stdout.startsWith('{"ok":true'), shown);
  return faults;
}

/** Where each package is, below `node_modules`: one that is there twice counts twice. */
function installedPackages(folder: string): string[] {
  const lock = JSON.parse(readFileSync(join(folder, "node_modules/.package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, unknown>>;
  };
  return Object.keys(lock.packages);
}

/** The registry is served by this process: it must not be blocked while a command runs. */
function ended(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}
