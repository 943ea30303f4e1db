import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Kills a process and its children with SIGKILL, at once and without a last word, and waits until they are gone.
 * The parent is stopped first, so that it neither starts another child nor notices that one died. (PostgreSQL's
 * children are in sessions of their own: a signal to the process group would not reach them.)
 */
export async function killTree(pid: number): Promise<void> {
  if (process.platform === "win32") {
    spawnSync("taskkill", ["/pid", String(pid), "/t", "/f"]);
    return;
  }
  signal(pid, "SIGSTOP");
  const family = [pid, ...childrenOf(pid)];
  for (const member of family) signal(member, "SIGKILL");
  for (let i = 0; i < 1000 && family.some(isRunning); i++) await sleep(10);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

interface Entry {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
}

function childrenOf(pid: number): number[] {
  return processes()
    .filter((entry) => entry.parent === pid)
    .map((entry) => entry.pid);
}

/** Whether a process is there and not a zombie, which has ended too: only its exit code waits to be fetched. */
export function isRunning(pid: number): boolean {
  return processes().some((entry) => entry.pid === pid && !entry.state.startsWith("Z"));
}

/** From /proc where there is one (slim images have no `ps`), else from `ps`. */
function processes(): Entry[] {
  if (process.platform !== "linux") {
    const table = spawnSync("ps", ["-A", "-o", "pid=,ppid=,state="], { encoding: "utf8" }).stdout;
    return [...table.matchAll(/^\s*(\d+)\s+(\d+)\s+(\S+)/gm)].map(([, pid, parent, state]) => ({
      pid: Number(pid),
      parent: Number(parent),
      state: String(state),
    }));
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // "pid (command) state parent …"; the command may itself hold spaces and parentheses.
        const [state, parent] = readFileSync(`/proc/${name}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        return [{ pid: Number(name), parent: Number(parent), state: String(state) }];
      } catch {
        return [];
      }
    });
}
