import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Whether the processor time of the server's processes can be read: it runs on this machine, and that has Linux. */
export function hasProcessorTime(pid: number): boolean {
  return existsSync(`/proc/${pid}/schedstat`);
}

/**
 * Processor time that a process has taken so far, all of its threads, in nanoseconds. The kernel's own count: those of
 * `/proc/PID/stat` are hundredths of a second.
 */
export function processorTime(pid: number): number {
  const times = readdirSync(`/proc/${pid}/task`).map((task) => {
    const [running] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ");
    return Number(running);
  });
  return times.reduce((sum, time) => sum + time, 0);
}

/** The most memory that a process has had, in megabytes. */
export function peakOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/u.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
