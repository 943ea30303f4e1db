import { randomUUID } from "node:crypto";
import { link, readdir, readFile, readlink, rename, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errno, SinkError } from "./errors.ts";

/**
 * An exclusive lock beside a file: `FILE.lock`, made by link(2), so that it appears at once with its content, the
 * holder as JSON. Node.js has no flock(2).
 *
 * A holder that was killed must not block the next one. Under the same boot and in the same process namespace, the
 * holder is looked up by process id and start time, and a dead one's lock is broken at once. Elsewhere (another
 * container, a network share) the holder touches its lock every `HEARTBEAT_MS`. The lock is broken when it has not been
 * touched for `STALE_MS`.
 */
interface Holder {
  readonly token: string;
  readonly pid: number;
  /** Start time of the process in clock ticks since boot: process ids are used again. */
  readonly started: string;
  /** Host, boot and process namespace, within which pid and start time mean something. */
  readonly scope: string;
}

const HEARTBEAT_MS = 5_000;
const STALE_MS = 60_000;
const POLL_MS = 20;

/** Takes the lock of a file and returns what releases it. Throws `SinkError` `busy`, `aborted`, or what the folder says. */
export async function lockFile(
  path: string,
  options: { timeoutMs: number; signal: AbortSignal | undefined },
): Promise<() => Promise<void>> {
  const lock = `${path}.lock`;
  const me: Holder = { token: randomUUID(), pid: process.pid, started: await startOf("self"), scope: await scope() };
  const mine = `${lock}.${me.token}`;
  await writeFile(mine, JSON.stringify(me), { flag: "wx" });
  try {
    const deadline = performance.now() + options.timeoutMs;
    while (!(await tryLink(mine, lock))) {
      if (options.signal?.aborted) throw new SinkError("aborted", `stopped while waiting for ${lock}`);
      if (await breakIfStale(lock, me)) continue;
      if (performance.now() > deadline)
        throw new SinkError(
          "busy",
          `${path} is locked by another writer (${lock}) and stayed so for ${options.timeoutMs} ms`,
        );
      await sleep(POLL_MS);
    }
  } finally {
    await unlink(mine);
  }
  await sweep(lock);
  const heartbeat = setInterval(() => void utimes(lock, new Date(), new Date()).catch(() => undefined), HEARTBEAT_MS);
  heartbeat.unref();
  return async () => {
    clearInterval(heartbeat);
    if ((await holderOf(lock))?.token === me.token) await unlink(lock);
  };
}

/** Removes what writers left beside the lock who were killed between making their file and linking it. */
async function sweep(lock: string): Promise<void> {
  const prefix = `${basename(lock)}.`;
  for (const name of await readdir(dirname(lock))) {
    if (!name.startsWith(prefix)) continue;
    const path = join(dirname(lock), name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > STALE_MS) await unlink(path).catch(() => undefined);
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errno(error) === "EEXIST") return false;
    throw error;
  }
}

/** True when the lock may be tried again at once: it is gone, or its holder is. */
async function breakIfStale(lock: string, me: Holder): Promise<boolean> {
  let age: number;
  try {
    age = Date.now() - (await stat(lock)).mtimeMs;
  } catch (error) {
    if (errno(error) === "ENOENT") return true;
    throw error;
  }
  const holder = await holderOf(lock);
  const dead =
    holder?.scope === me.scope && me.started !== "" ? (await startOf(holder.pid)) !== holder.started : age > STALE_MS;
  if (!dead) return false;
  // Only one of several waiters can rename it. If in the meantime another one has broken it and taken its place, that
  // live lock is put back.
  const grave = `${lock}.${me.token}.stale`;
  try {
    await rename(lock, grave);
  } catch (error) {
    if (errno(error) === "ENOENT") return true;
    throw error;
  }
  if ((await holderOf(grave))?.token !== holder?.token) await tryLink(grave, lock);
  await unlink(grave);
  return true;
}

async function holderOf(lock: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(lock, "utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const { token, pid, started, scope } = value as Partial<Record<keyof Holder, unknown>>;
    return typeof token === "string" &&
      typeof pid === "number" &&
      typeof started === "string" &&
      typeof scope === "string"
      ? { token, pid, started, scope }
      : undefined;
  } catch (error) {
    if (errno(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Start time of a process, from /proc/PID/stat, field 22 (proc(5)); empty where there is no such process or no /proc. */
async function startOf(pid: number | "self"): Promise<string> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    // Field 2 is the command's name in parentheses and may itself contain spaces and parentheses.
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

async function scope(): Promise<string> {
  const part = async (read: Promise<string>): Promise<string> => read.then((text) => text.trim()).catch(() => "?");
  const boot = await part(readFile("/proc/sys/kernel/random/boot_id", "utf8"));
  const namespace = await part(readlink("/proc/self/ns/pid"));
  return [hostname(), boot, namespace].join(" ");
}
