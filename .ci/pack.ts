/**
 * Packs every package that is published, installs the tarballs with npm in an empty folder, and uses them there as
 * somebody would who has never seen this repository.
 *
 * usage: node --conditions=source .ci/pack.ts (after a build)
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { checkLeanInstall } from "./lean-install.ts";
import { type Manifest, publishedPackages, readManifest, ROOT, tarballName } from "./packages.ts";

const faults: string[] = [];
const folder = mkdtempSync(join(tmpdir(), "audit-consumer-"));
const tarballs = join(folder, "tarballs");
const consumer = join(folder, "consumer");
mkdirSync(tarballs);
cpSync(join(import.meta.dirname, "consumer"), consumer, { recursive: true });

try {
  const packages = publishedPackages();
  const files = packages.map(({ path, manifest }) => pack(path, manifest));
  for (const { path, manifest } of packages) checkManifest(path, manifest);
  for (const file of files) {
    await lint(file);
    await checkResolution(file);
  }
  install(files);
  for (const { manifest } of packages) checkInstalled(manifest.name);
  checkTypes();
  checkCommands(packages.map(({ manifest }) => manifest.name));
  run("every package used from its tarball", "node", ["use.mjs"], consumer);
  faults.push(...(await checkLeanInstall(files, folder)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const fault of faults) console.log(`FAULT ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** Runs a program to its end; a failure is a fault and prints what it said. Returns its stdout. */
function run(what: string, program: string, args: readonly string[], cwd: string): string {
  // Node 24, which started this script, and not the system's: what the published packages ask for.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}` };
  const started = performance.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, encoding: "utf8" });
  const isDone = status === 0;
  console.log(`${isDone ? "ok   " : "FAIL "} ${what} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  if (!isDone) {
    faults.push(`${what}: exit ${status ?? error?.message ?? "by a signal"}`);
    console.log(`${stdout}${stderr}`);
  }
  return stdout;
}

function pack(path: string, manifest: Manifest): string {
  run(`${manifest.name} packed`, "npx", ["-y", "pnpm@12", "pack", "--pack-destination", tarballs], path);
  return join(tarballs, tarballName(manifest));
}

/** What publint says of a tarball: nothing above a suggestion. */
async function lint(file: string): Promise<void> {
  const bytes = readFileSync(file);
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true, level: "warning" });
  console.log(`${messages.length === 0 ? "ok   " : "FAIL "} publint of ${String(pkg["name"])}`);
  for (const message of messages) faults.push(`${String(pkg["name"])}: ${formatMessage(message, pkg) ?? message.code}`);
}

/** What attw says of a tarball: its types resolve as its JavaScript does, for Node's ES modules and for bundlers. */
async function checkResolution(file: string): Promise<void> {
  const analysis = await checkPackage(createPackageFromTarballData(readFileSync(file)));
  const problems = "problems" in analysis ? analysis.problems : [{ kind: "NoTypes" }];
  // There is no CommonJS: `require` of an ES module is fine with every Node.js that `engines` allows, and there is no
  // resolution of subpaths without `exports` for the Node.js of ten years ago.
  const ours = problems.filter((problem) => {
    if (problem.kind === "CJSResolvesToESM") return false;
    return !("resolutionKind" in problem && problem.resolutionKind === "node10");
  });
  const name = "packageName" in analysis ? analysis.packageName : file;
  console.log(`${ours.length === 0 ? "ok   " : "FAIL "} attw of ${name}`);
  for (const problem of ours) faults.push(`${name}: ${JSON.stringify(problem)}`);
}

/** What a release must say of itself. */
function checkManifest(path: string, { name, version, engines, publishConfig, exports }: Manifest): void {
  const changelog = readFileSync(join(path, "CHANGELOG.md"), "utf8");
  if (!changelog.includes(`\n## ${version}\n`)) faults.push(`${name}: its changelog has no ${version}`);
  if (publishConfig?.["provenance"] !== true) faults.push(`${name}: publishConfig.provenance is not true`);
  if (publishConfig?.["access"] !== "public") faults.push(`${name}: publishConfig.access is not public`);
  if (engines?.["node"] !== ">=22.18") faults.push(`${name}: engines.node is not >=22.18`);
  if (typeof exports !== "object" || exports === null || !("./package.json" in exports))
    faults.push(`${name}: exports has no ./package.json`);
}

function install(files: readonly string[]): void {
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const peers = ["drizzle-orm@0.45", "postgres@3", "@types/node@24", "@opentelemetry/sdk-trace-base@2"];
  run("tarballs installed with npm", "npm", ["install", ...quiet, ...files, ...peers], consumer);
}

/** The installed package is what was packed here, and names everything that its files import. */
function checkInstalled(name: string): void {
  const path = join(consumer, "node_modules", name);
  const manifest = readManifest(path);
  const text = JSON.stringify(manifest);
  const found: string[] = [];
  if (text.includes("workspace:")) found.push("a workspace: range in package.json");
  if (JSON.stringify(manifest.exports).includes('"source"')) found.push("a source condition in exports");
  const inside = readdirSync(path, { recursive: true, encoding: "utf8" });
  for (const file of ["README.md", "LICENSE", "CHANGELOG.md"]) if (!inside.includes(file)) found.push(`no ${file}`);
  const declared = new Set([
    name,
    ...Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies }),
  ]);
  const copies = inside.filter((file) => file.includes(join("node_modules", "@scidex")));
  if (copies.length > 0) found.push(`npm installed another copy of a package inside it: ${copies[0]}`);
  for (const { file, imports } of reachable(path, manifest))
    for (const module of imports)
      if (!declared.has(module)) found.push(`${file} imports ${module}, which package.json does not name`);
  console.log(`${found.length === 0 ? "ok   " : "FAIL "} ${name} as installed: ${inside.length} files`);
  faults.push(...found.map((what) => `${name}: ${what}`));
}

/** The files, JavaScript and declarations, that a package's entries and commands lead to, and the packages they import. */
function reachable(path: string, manifest: Manifest): { file: string; imports: Set<string> }[] {
  const entries = [...JSON.stringify([manifest.exports, manifest.bin]).matchAll(/"(\.\/dist\/[^"]+)"/g)];
  const queue = entries.map((match) => join(path, match[1] ?? ""));
  const seen = new Map<string, Set<string>>();
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue;
    const names = modulesOf(readFileSync(file, "utf8"));
    const relative = names.filter((name) => name.startsWith("."));
    const isDeclaration = file.endsWith(".d.ts");
    for (const name of relative) queue.push(join(file, "..", isDeclaration ? name.replace(/\.[jt]s$/, ".d.ts") : name));
    seen.set(file, new Set(names.filter((name) => isForeign(name)).map(packageOf)));
  }
  return [...seen].map(([file, imports]) => ({ file: file.slice(path.length + 1), imports }));
}

/** What a module imports. */
function modulesOf(text: string): string[] {
  const pattern = /(?:\bfrom\s*|\bimport\s*|\bimport\s*\(\s*)"([^"\s]+)"/g;
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  return [...code.matchAll(pattern)].map((match) => match[1] ?? "");
}

function isForeign(name: string): boolean {
  return !name.startsWith(".") && !name.startsWith("node:") && !builtinModules.includes(name);
}

function packageOf(name: string): string {
  return name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");
}

/** The types resolve for a consumer, and no declaration file of ours has an error (drizzle-orm's own have some). */
function checkTypes(): void {
  const tsc = join(ROOT, "node_modules", ".bin", "tsc");
  for (const [module, moduleResolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ] as const) {
    const options = [
      "--module",
      module,
      "--moduleResolution",
      moduleResolution,
      "--target",
      "es2024",
      "--types",
      "node",
    ];
    const strict = [
      "--noEmit",
      "--strict",
      "--exactOptionalPropertyTypes",
      "--skipLibCheck",
      "false",
      "--pretty",
      "false",
    ];
    const { stdout, stderr } = spawnSync(tsc, [...options, ...strict, "types.ts"], { cwd: consumer, encoding: "utf8" });
    const ours = `${stdout}${stderr}`
      .split("\n")
      .filter((line) => /error/.test(line) && !/^node_modules\/(?!@scidex\/)/.test(line));
    console.log(`${ours.length === 0 ? "ok   " : "FAIL "} types with ${moduleResolution}`);
    faults.push(...ours);
  }
}

/** Each command starts in the consumer's folder and says what it is. */
function checkCommands(names: readonly string[]): void {
  for (const name of names) {
    const { bin, version } = readManifest(join(consumer, "node_modules", name));
    for (const command of Object.keys(bin ?? {})) {
      const program = join(consumer, "node_modules", ".bin", command);
      const help = run(`${command} --help`, program, ["--help"], consumer);
      if (!/^Usage: /m.test(help) || !/--help/.test(help)) faults.push(`${command} --help prints no usage`);
      if (!/Examples?:/.test(help)) faults.push(`${command} --help has no example`);
      const said = run(`${command} --version`, program, ["--version"], consumer).trim();
      if (said !== version) faults.push(`${command} --version prints ${said}, not ${version}`);
    }
  }
}
