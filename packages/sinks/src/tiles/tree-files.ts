import { constants } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { MAX_BUNDLE_BYTES } from "@scidex/audit-core";
import { errno, SinkError } from "../errors.ts";
import { syncFolder } from "../file-sink.ts";
import type { TreeStore } from "./tree-store.ts";

/** Where a file is written before it gets its name. One is enough: only the holder of the lock writes. */
const TEMPORARY = ".being-written";

/**
 * A file's bytes; undefined where there is none. Of one that is longer than any of the tree, one byte too many. Whoever
 * may write to the folder may put a pipe there: it is not waited for.
 *
 * @throws {SinkError} `wrong_type`, and what the system says
 */
export async function readTreeFile(folder: string, path: string): Promise<Uint8Array | undefined> {
  let handle;
  try {
    handle = await open(join(folder, path), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errno(error) === "ENOENT" || errno(error) === "ENOTDIR") return undefined;
    throw error;
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new SinkError("wrong_type", `${join(folder, path)} is not a regular file`);
    const buffer = Buffer.alloc(Math.min(stats.size, MAX_BUNDLE_BYTES + 1));
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}

/**
 * Writes files of a tree below a folder so that no reader ever sees half of one, and none is lost with a power cut once
 * `settle` has returned: each is written beside, synced and renamed; then the folders are synced.
 */
export class TreeWriter implements TreeStore {
  readonly #folder: string;
  /** Folders with names that are not durable yet. */
  readonly #unsettled = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  where(path: string): string {
    return join(this.#folder, path);
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    return await readTreeFile(this.#folder, path);
  }

  async writeOnce(path: string, bytes: Uint8Array): Promise<void> {
    const there = await this.read(path);
    if (there === undefined) return await this.replace(path, bytes);
    // Its name may be younger than the last power cut.
    this.#unsettled.add(dirname(join(this.#folder, path)));
    if (Buffer.compare(there, bytes) !== 0)
      throw new SinkError(
        "damaged",
        `${this.where(path)} is not what belongs there: it was changed, or the folder is that of another log. It is not written over. audit-verify says more; move it away, and the next run writes it again`,
      );
  }

  async replace(path: string, bytes: Uint8Array): Promise<void> {
    const target = join(this.#folder, path);
    const temporary = join(this.#folder, TEMPORARY);
    await this.#makeFolder(dirname(target));
    const handle = await open(temporary, "w", 0o644);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
    this.#unsettled.add(dirname(target));
  }

  async settle(): Promise<void> {
    for (const folder of this.#unsettled) await syncFolder(folder);
    this.#unsettled.clear();
  }

  async #makeFolder(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true });
    if (first === undefined) return;
    // Each new folder's own name stands in the one above it.
    let above = dirname(first);
    for (const name of relative(above, folder).split(sep)) {
      this.#unsettled.add(above);
      above = join(above, name);
    }
  }
}
