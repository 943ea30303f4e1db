import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** How a command ended. */
export interface Ended {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

const CLI = fileURLToPath(new URL("../../../apps/cli/src/cli.ts", import.meta.url));

/** Runs `audit-chain` as a deployment or an auditor does: a process that knows only the variables that it is given. */
export async function auditChain(args: readonly string[], variables: Readonly<Record<string, string>>): Promise<Ended> {
  const env = { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"], ...variables };
  return await new Promise((resolve, reject) => {
    execFile(process.execPath, ["--conditions=source", CLI, ...args], { env }, (error, stdout, stderr) => {
      const exit = error === null ? 0 : error.code;
      if (typeof exit === "number") resolve({ exit, stdout, stderr });
      else reject(error ?? new Error("no exit code"));
    });
  });
}

/** @throws {Error} where it did not end as it must have */
export function expectExit(what: string, ended: Ended, wanted: number): Ended {
  if (ended.exit === wanted) return ended;
  throw new Error(`${what}: exit ${ended.exit}, expected ${wanted}\n${ended.stdout}${ended.stderr}`);
}
