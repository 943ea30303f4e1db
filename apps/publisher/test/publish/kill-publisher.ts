import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Log } from "../log.ts";

/** The program that publishes until it is killed. */
export const PUBLISHER: string = fileURLToPath(new URL("endless-publisher.ts", import.meta.url));

/** Lets a program publish over and over, and kills it within 0.7 s. Returns what it said of failures. */
export async function killPublisher(log: Log, sinks: readonly string[]): Promise<unknown[]> {
  const said: unknown[] = [];
  const child = fork(PUBLISHER, [log.url, log.keyFile, ...sinks], {
    execArgv: ["--conditions=source"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  child.on("message", (message) => message === "ready" || said.push(message));
  await once(child, "message");
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 700));
  child.kill("SIGKILL");
  await once(child, "exit");
  return said;
}
