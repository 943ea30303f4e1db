import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Log } from "./log.ts";

const CLI = fileURLToPath(new URL("../src/cli.ts", import.meta.url));

export interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the real command from its source. */
export function start(log: Log | undefined, args: string[], env: Record<string, string> = {}) {
  const settings = log
    ? { AUDIT_DATABASE_URL: log.url, AUDIT_SIGNING_KEY_FILE: log.keyFile, AUDIT_SINKS: log.sinks.join(",") }
    : {};
  const child = spawn(process.execPath, ["--conditions=source", CLI, ...args], {
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"], ...settings, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, "close").then(([exit]): Ended => ({ exit: exit as number | null, stdout, stderr }));
  return { child, ended, output: () => stdout };
}

export const run = async (...args: Parameters<typeof start>): Promise<Ended> => start(...args).ended;
