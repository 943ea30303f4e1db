import { type ChildProcessByStdio, spawn } from "node:child_process";
import { cpSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const PROGRAMS = {
  "audit-verify": "@scidex/audit-verifier/cli",
  "audit-publisher": "@scidex/audit-publisher/cli",
  "audit-backfill": "@scidex/audit-backfill/cli",
  "audit-chain": "@scidex/audit-cli/cli",
} as const;

type Program = keyof typeof PROGRAMS;

const sourceOf = (name: Program): string => fileURLToPath(import.meta.resolve(PROGRAMS[name]));

/** What is started instead of a program's own file. */
const bundled = new Map<Program, string>();

/**
 * Packs each program that trials run into one file. A process spends 0.6 s on finding, reading and stripping some
 * hundred modules, and 0.06 s on one file: three quarters of a trial was that. Nothing else about a program changes.
 */
export async function bundlePrograms(folder: string): Promise<void> {
  const entries = [
    ...(["audit-verify", "audit-publisher", "audit-backfill", "audit-chain"] as const).map((name) => ({
      name,
      from: sourceOf(name),
    })),
    // The verifier's threads look for it beside the file that starts them.
    { name: "worker" as const, from: join(dirname(sourceOf("audit-verify")), "bulk", "worker.ts") },
  ];
  for (const { name, from } of entries) {
    const outfile = join(folder, `${name}.js`);
    await build({
      entryPoints: [from],
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      conditions: ["source"],
      logLevel: "error",
      // Only `audit-chain demo` asks for it.
      external: ["@scidex/audit-demo"],
      // What is not an ES module among the dependencies calls it.
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    });
    if (name !== "worker") bundled.set(name, outfile);
  }
  writeFileSync(join(folder, "package.json"), '{"type":"module"}\n');
  // What `init` reads beside itself.
  cpSync(fileURLToPath(new URL("../../../migrations", import.meta.url)), join(folder, "migrations"), {
    recursive: true,
  });
}

export interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that hangs is ended after this time, in milliseconds. */
const TIMEOUT_MS = 120_000;

/** Starts one of the project's programs as a process that knows nothing but the variables it is given. */
export function startProgram(
  name: Program,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  { folder, timeout }: { readonly folder?: string | undefined; readonly timeout?: number } = {},
): ChildProcessByStdio<null, Readable, Readable> {
  const inherited = Object.entries(process.env).filter(([variable]) => !/^(?:AUDIT_|DATABASE_URL$|PG)/u.test(variable));
  const argv = [...process.execArgv, bundled.get(name) ?? sourceOf(name), ...args];
  return spawn(process.execPath, argv, {
    env: { ...Object.fromEntries(inherited), ...variables },
    stdio: ["ignore", "pipe", "pipe"],
    ...(folder === undefined ? {} : { cwd: folder }),
    ...(timeout === undefined ? {} : { timeout }),
    // One that is caught in a loop does not hear anything else.
    killSignal: "SIGKILL",
  });
}

/** The same, to its end. */
export async function runProgram(
  name: Program,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  folder?: string,
): Promise<Ended> {
  const child = startProgram(name, args, variables, { folder, timeout: TIMEOUT_MS });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exit = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { exit, stdout, stderr };
}

/** The URL of another database of the same server. */
export function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
