import { fork } from "node:child_process";
import { once } from "node:events";
import type { Log } from "./log.ts";

/**
 * Lets a program work on a log, and kills it a while after it has said that it is ready. Returns what it said of failures.
 *
 * @param program its path; its arguments are URL, key file and sinks
 */
export async function killOnce(program: string, log: Log, afterMs: number): Promise<unknown[]> {
  const said: unknown[] = [];
  const child = fork(program, [log.url, log.keyFile, ...log.sinks], {
    execArgv: ["--conditions=source"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exit = once(child, "exit");
  child.on("message", (message) => message === "ready" || said.push(message));
  await once(child, "message");
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.kill("SIGKILL");
  await exit;
  return said;
}
