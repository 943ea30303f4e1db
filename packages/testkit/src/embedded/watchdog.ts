/**
 * A process of its own that outlives the one that started a server, however that one ends (SIGKILL included), and
 * then stops the server and removes its folder. It reads lines from standard input: `run PID` when a postmaster
 * was started, `idle` when it is gone, `done` when there is nothing left to do. The end of the input without
 * `done` means that its starter is gone.
 *
 * usage: node watchdog.js DATA_DIR [FOLDER_TO_REMOVE]
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const [dataDir, folder] = process.argv.slice(2);
let postmaster: number | undefined;
let isDone = false;

for await (const line of createInterface({ input: process.stdin })) {
  const [word, pid] = line.split(" ");
  if (word === "run") postmaster = Number(pid);
  if (word === "idle") postmaster = undefined;
  if (word === "done") isDone = true;
}

if (!isDone && dataDir !== undefined) {
  if (postmaster !== undefined) {
    try {
      // SIGQUIT is an immediate shutdown: the postmaster takes its children along and removes its lock file last.
      process.kill(postmaster, "SIGQUIT");
      for (let i = 0; i < 200 && existsSync(join(dataDir, "postmaster.pid")); i++) await sleep(50);
    } catch {
      // It is gone already.
    }
  }
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
