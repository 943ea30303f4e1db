import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROGRAMS = {
  "audit-verify": "@scidex/audit-verifier/cli",
  "audit-publisher": "@scidex/audit-publisher/cli",
  "audit-backfill": "@scidex/audit-backfill/cli",
  "audit-chain": "@scidex/audit-cli/cli",
} as const;

export interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that hangs is ended after this time, in milliseconds. */
const TIMEOUT_MS = 120_000;

/** Runs one of the project's programs as a process that knows nothing but the variables it is given. */
export async function runProgram(
  name: keyof typeof PROGRAMS,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([variable]) => !/^(?:AUDIT_|DATABASE_URL$|PG)/u.test(variable));
  const argv = [...process.execArgv, fileURLToPath(import.meta.resolve(PROGRAMS[name])), ...args];
  const child = spawn(process.execPath, argv, {
    env: { ...Object.fromEntries(inherited), ...variables },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
  });
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
