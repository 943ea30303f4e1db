/**
 * What is generated and kept in git is what its generator writes now: the migrations' tables (drizzle-kit), their
 * functions (assemble.ts), the definitions that the verifier expects, and the options of the commands. PostgreSQL's own
 * rows are held against fresh servers of the versions that are installed: other minors are not downloaded here. The API
 * reference is not kept: it has to build (TypeDoc).
 *
 * usage: node --conditions=source .ci/generated.ts
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const faults: string[] = [];
const copy = mkdtempSync(join(tmpdir(), "audit-generated-"));
try {
  compare("migrations", "drizzle-kit generate", "packages/schema", [
    "exec",
    "drizzle-kit",
    "generate",
    "--dialect=postgresql",
    "--schema=./src/tables.ts",
    `--out=${join(copy, "drizzle")}`,
  ]);
  inPlace("migrations", "packages/schema", "assemble");
  inPlace("packages/verifier/src", "packages/verifier", "manifest");
  inPlace("packages/report/src/proof", "packages/report", "proof-script");
  pnpm("PostgreSQL's own rows", "packages/verifier", ["run", "builtin", "--check"]);
  inPlace("docs", ".", "options");
  built("API reference", "api", ["run", "api", join(copy, "api")], join(copy, "api"));
} finally {
  rmSync(copy, { recursive: true, force: true });
}
for (const fault of faults) console.log(`FAULT ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** A generator that writes elsewhere: given a copy, it changes nothing there. */
function compare(folder: string, what: string, cwd: string, args: readonly string[]): void {
  const target = join(copy, "drizzle");
  cpSync(join(root, folder), target, { recursive: true });
  pnpm(what, cwd, args);
  report(what, differences(join(root, folder), target));
}

/** A package's script that writes in place: the folder is compared with a copy from before, and put back. */
function inPlace(folder: string, cwd: string, script: string): void {
  const { scripts } = JSON.parse(readFileSync(join(root, cwd, "package.json"), "utf8")) as {
    scripts: Readonly<Record<string, string>>;
  };
  if (scripts[script] === undefined) {
    faults.push(`${cwd} has no script "${script}"`);
    return;
  }
  const before = join(copy, script);
  cpSync(join(root, folder), before, { recursive: true });
  pnpm(`${cwd}: ${script}`, cwd, ["run", script]);
  const found = differences(before, join(root, folder));
  for (const file of found)
    if (existsSync(join(before, file))) cpSync(join(before, file), join(root, folder, file));
    else rmSync(join(root, folder, file));
  report(`${cwd}: ${script}`, found);
}

/** A generator whose result is not kept: it has to succeed, and to write something. */
function built(what: string, cwd: string, args: readonly string[], folder: string): void {
  const before = faults.length;
  pnpm(what, cwd, args);
  if (faults.length === before && !(existsSync(folder) && filesOf(folder).length > 0))
    faults.push(`${what}: nothing was written`);
  console.log(`${faults.length === before ? "ok   " : "FAIL "} ${what}`);
}

function pnpm(what: string, cwd: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync("npx", ["-y", "pnpm@12", ...args], {
    cwd: join(root, cwd),
    encoding: "utf8",
  });
  if (status !== 0) faults.push(`${what}: exit ${status}\n${stdout}${stderr}`);
}

/** Files that are in one of two folders only, or differ. */
function differences(one: string, other: string): string[] {
  const files = new Set([...filesOf(one), ...filesOf(other)]);
  return [...files].filter((file) => contentOf(join(one, file)) !== contentOf(join(other, file)));
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

function contentOf(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

function report(what: string, found: readonly string[]): void {
  console.log(`${found.length === 0 ? "ok   " : "FAIL "} ${what}`);
  for (const file of found) faults.push(`${what} would change ${file}`);
}
