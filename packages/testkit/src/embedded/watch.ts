import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";

/** The line to a watchdog process, which cleans up after us if we end without doing so. */
export interface Watchdog {
  /** A postmaster with this process id runs now. */
  run(pid: number): void;
  /** No postmaster runs now; the folder is still there. */
  idle(): void;
  /** Everything was cleaned up: the watchdog ends. */
  done(): void;
}

/**
 * Starts a watchdog for the server in `dataDir`; it removes `folder` too, where one is given. Handlers in this
 * process would not do: they do not run on SIGKILL, and a library that installs them for SIGINT changes how its
 * host ends.
 */
export function startWatchdog(dataDir: string, folder: string | undefined): Watchdog {
  const script = new URL(import.meta.url.endsWith(".ts") ? "./watchdog.ts" : "./watchdog.js", import.meta.url);
  const args = [fileURLToPath(script), dataDir, ...(folder === undefined ? [] : [folder])];
  const child = spawn(process.execPath, ["--no-warnings", ...args], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // Neither the watchdog nor the line to it keeps this process alive. A broken line means that someone killed the
  // watchdog; the server itself is fine.
  child.unref();
  child.on("error", () => {});
  (child.stdin as Socket).unref();
  child.stdin.on("error", () => {});
  return {
    run: (pid) => void child.stdin.write(`run ${pid}\n`),
    idle: () => void child.stdin.write("idle\n"),
    done: () => void child.stdin.end("done\n"),
  };
}
