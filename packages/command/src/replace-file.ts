import { randomBytes } from "node:crypto";
import { realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { CommandError } from "./command-error.ts";

/**
 * Makes sure that a file can be written, before long work whose result goes into it. Its folder must take a new file,
 * and the path must be a plain file or nothing. Leaves everything as it was.
 *
 * @param option how messages name it, for example `--report`
 * @throws {CommandError} `configuration`
 */
export async function checkReplaceable(option: string, path: string): Promise<void> {
  const target = await targetOf(option, path);
  const probe = temporaryOf(target);
  try {
    await writeFile(probe, "", { flag: "wx" });
  } catch (error) {
    throw cannotWrite(option, path, error, "configuration");
  } finally {
    await rm(probe, { force: true });
  }
}

/**
 * Replaces a file's content, all or nothing: it is written beside the file, synced and renamed. A reader sees the old
 * content or the new one. A symbolic link stays one.
 *
 * @throws {CommandError} `configuration` where something other than a file is there, `failed` where it cannot be written
 */
export async function replaceFile(option: string, path: string, text: string): Promise<void> {
  const target = await targetOf(option, path);
  try {
    await replaceWhole(target, text);
  } catch (error) {
    throw cannotWrite(option, path, error, "failed");
  }
}

/**
 * The same of a path that is no option, and with the system's own errors. What a process that was killed leaves behind
 * ends in `.tmp`. The sinks have one of their own, without the sync: no package below both has a file system.
 */
export async function replaceWhole(path: string, text: string): Promise<void> {
  const temporary = temporaryOf(path);
  try {
    await writeFile(temporary, text, { flag: "wx", flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** Where the content really goes. A device or a folder must not be renamed over, not even by root. */
async function targetOf(option: string, path: string): Promise<string> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw cannotWrite(option, path, error, "configuration");
  });
  if (found === null) return path;
  if (found.isFile()) return await realpath(path);
  throw new CommandError("configuration", `${option} is "${path}", which is not a file; expected the path of a file`);
}

const temporaryOf = (target: string) => `${target}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;

function cannotWrite(option: string, path: string, cause: unknown, code: "configuration" | "failed"): CommandError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const advice = "check that its folder is there and may be written to, and that the disk is not full";
  return new CommandError(code, `${option} "${path}" cannot be written: ${reason}; ${advice}`, { cause });
}
