import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CACHE = join(tmpdir(), "audit-chain-cli-tests");

const CLI = fileURLToPath(new URL("../src/cli.ts", import.meta.url));

/** How a command line ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** The executable, if it is another application's. */
  readonly program?: string;
  /** The variables that the command sees beside those of the system: none of ours is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
  /** The folder that it runs in; the tests' own if it is not given. */
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** After so many milliseconds the process is killed (SIGKILL). */
  readonly killAfterMs?: number;
}

/** Runs `audit-chain` as its users do: a process of its own. */
export function runCli(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:AUDIT_|DATABASE_URL$|PG)/.test(name));
  const child = spawn(process.execPath, ["--conditions=source", options.program ?? CLI, ...args], {
    // Compiled once for all runs.
    env: { ...Object.fromEntries(inherited), NODE_COMPILE_CACHE: CACHE, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    cwd: options.cwd,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  options.signal?.addEventListener("abort", () => child.kill("SIGINT"));
  const killing =
    options.killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), options.killAfterMs);
  child.stdin.end(options.input ?? "");
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(killing);
      resolve({ code, stdout, stderr });
    });
  });
}

/** The JSON that a command printed, and nothing else beside it. */
export function jsonOf({ stdout }: Ended): unknown {
  return JSON.parse(stdout);
}
