import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errno, SinkError } from "./errors.ts";
import { lockFile } from "./file-lock.ts";
import { encodeLines, splitLines } from "./lines.ts";
import { placeOfFile } from "./place.ts";
import type { AppendOptions, Sink, SinkLine } from "./sink.ts";

const CHUNK_BYTES = 65_536;
const LINE_FEED = 0x0a;

export interface FileSettings {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * A head log in a local file. Appending takes the lock beside the file, removes a torn last line, writes the whole
 * batch with one write(2) to a descriptor opened with O_APPEND, and calls fsync. The folder of a file that was empty or
 * not there is synced too. A write that falls short is taken back before the error is reported.
 */
export function createFileSink(address: { name: string; path: string }, settings: FileSettings): Sink {
  const { name, path } = address;
  return {
    name,
    kind: "file",
    read: () => readFileLines(path),
    append: async (lines, options = {}) => await appendToFile(path, lines, { ...settings, ...options }),
    place: async () => await placeOfFile(name, path),
    close: async () => {},
  };
}

/**
 * Appends lines to a file, as `Sink.append` says.
 *
 * @param options.before what is done first, under the lock and with the file as the caller knows it; where it fails,
 *   nothing is appended
 */
export async function appendToFile(
  path: string,
  lines: readonly string[],
  options: FileSettings & AppendOptions & { readonly before?: () => Promise<void> },
): Promise<{ end: number }> {
  const bytes = encodeLines(lines);
  try {
    await requireFolder(path);
    const release = await lockFile(path, options);
    try {
      return await appendLocked(path, bytes, options);
    } finally {
      await release();
    }
  } catch (error) {
    throw explain(error, path);
  }
}

export async function* readFileLines(path: string): AsyncGenerator<SinkLine> {
  let handle: FileHandle;
  try {
    await requireFolder(path);
    if (!(await requireFile(path))) return;
    handle = await open(path, constants.O_RDONLY);
  } catch (error) {
    if (errno(error) === "ENOENT") return;
    throw explain(error, path);
  }
  try {
    yield* splitLines(chunksOf(handle, path));
  } finally {
    await handle.close();
  }
}

/** Up to the size that the file has now, so that a writer beside us can't keep us reading for ever. */
async function* chunksOf(handle: FileHandle, path: string): AsyncGenerator<Uint8Array> {
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let at = 0; at < size;) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(CHUNK_BYTES, size - at), at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    throw explain(error, path);
  }
}

async function appendLocked(
  path: string,
  bytes: Buffer,
  options: AppendOptions & { readonly before?: () => Promise<void> },
): Promise<{ end: number }> {
  await requireFile(path);
  const handle = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o644);
  try {
    const { size } = await handle.stat();
    const complete = await completeLength(handle, size);
    if (options.after !== undefined && options.after !== complete)
      throw new SinkError("conflict", `${path} was read with ${options.after} bytes of lines and now has ${complete}`);
    if (bytes.length === 0) return { end: complete };
    await options.before?.();
    if (complete < size) await handle.truncate(complete);
    let written = 0;
    try {
      written = (await handle.write(bytes, 0, bytes.length)).bytesWritten;
      if (written < bytes.length)
        throw new SinkError("no_space", `${path}: only ${written} of ${bytes.length} bytes fitted`);
      await handle.sync();
    } catch (error) {
      // Taken back, so that no half line stands there. If that fails too it is a torn line, for the next append.
      if (written < bytes.length) await handle.truncate(complete).catch(() => undefined);
      throw error;
    }
    // A new name is durable only when its folder is. Also for a file that a killed writer had created.
    if (complete === 0) await syncFolder(dirname(path));
    return { end: complete + bytes.length };
  } finally {
    await handle.close();
  }
}

/** The offset just after the last line feed, found from the end. */
async function completeLength(handle: FileHandle, size: number): Promise<number> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, end - start, start);
    const at = buffer.subarray(0, bytesRead).lastIndexOf(LINE_FEED);
    if (at !== -1) return start + at + 1;
    end = start;
  }
  return 0;
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function requireFolder(path: string): Promise<void> {
  const folder = dirname(path);
  try {
    if ((await stat(folder)).isDirectory()) return;
  } catch (error) {
    if (errno(error) !== "ENOENT" && errno(error) !== "ENOTDIR") throw error;
  }
  throw new SinkError(
    "folder_missing",
    `the folder ${folder} does not exist. It is not created, because it may be a disk that is not mounted: mount it, or create the folder once by hand (mkdir -p ${folder})`,
  );
}

/** True when there is a regular file, false when there is nothing. A pipe or a device would block or swallow lines. */
async function requireFile(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isFile()) return true;
  } catch (error) {
    if (errno(error) === "ENOENT") return false;
    throw error;
  }
  throw new SinkError("wrong_type", `${path} is not a regular file`);
}

export function explain(cause: unknown, path: string): SinkError {
  if (cause instanceof SinkError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  switch (errno(cause) ?? "") {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new SinkError(
        "permission",
        `${path}: ${why}; the publisher's user needs to read and append to the file and to create files in its folder`,
        { cause },
      );
    case "ENOSPC":
    case "EDQUOT":
    case "EFBIG":
      return new SinkError("no_space", `${path}: ${why}; nothing was appended`, { cause });
    default:
      return new SinkError("io", `${path}: ${why}`, { cause });
  }
}
