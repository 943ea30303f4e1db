import { MAX_BUNDLE_BYTES } from "@scidex/audit-core";
import { SinkError } from "../errors.ts";
import type { TreeStore } from "../tiles/tree-store.ts";
import type { Bucket, Condition, ObjectVersion } from "./bucket.ts";
import { oldestVersion } from "./write-once.ts";

/** Files that are written at once. */
const AT_ONCE = 16;

const CHECKPOINT = /(?:^|\/)checkpoint$/u;

/** The files of trees as objects of a bucket. An object is there whole or not at all, and durable when it is. */
export class BucketStore implements TreeStore {
  readonly #bucket: Bucket;
  readonly #report: (key: string) => void;
  readonly #writing = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  /** The condition under which a checkpoint is still the one that was read. */
  readonly #read = new Map<string, Condition>();

  /** @param report is told of each name that has more versions than it should */
  constructor(bucket: Bucket, report: (key: string) => void) {
    this.#bucket = bucket;
    this.#report = report;
  }

  where(path: string): string {
    return this.#bucket.where(path);
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const version = CHECKPOINT.test(path)
      ? await this.#newest(path)
      : await oldestVersion(this.#bucket, path, this.#report);
    return version === undefined ? undefined : await this.#bucket.bytes(version, MAX_BUNDLE_BYTES);
  }

  async writeOnce(path: string, bytes: Uint8Array): Promise<void> {
    while (this.#writing.size >= AT_ONCE) await Promise.race(this.#writing);
    if (this.#failure !== undefined) throw this.#failure.error;
    const writing = this.#writeOnce(path, bytes)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  async replace(path: string, bytes: Uint8Array): Promise<void> {
    const condition = this.#read.get(path) ?? { ifNoneMatch: "*" };
    const headers = { type: "text/plain; charset=utf-8", cache: "no-cache" };
    if ((await this.#bucket.put(path, bytes, condition, headers)) !== undefined) return;
    // The answer to the first try may have been lost.
    const there = await this.read(path);
    if (there !== undefined && Buffer.compare(there, bytes) === 0) return;
    throw new SinkError("conflict", `${this.where(path)} was written by another publisher meanwhile`);
  }

  async settle(): Promise<void> {
    await Promise.all(this.#writing);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #writeOnce(path: string, bytes: Uint8Array): Promise<void> {
    const headers = { type: "application/octet-stream", cache: "public, max-age=31536000, immutable" };
    if ((await this.#bucket.put(path, bytes, { ifNoneMatch: "*" }, headers)) !== undefined) return;
    const there = await oldestVersion(this.#bucket, path, this.#report);
    if (there === undefined) {
      // A delete marker alone: what was under it has been taken away.
      await this.#bucket.put(path, bytes, {}, headers);
      return;
    }
    if (Buffer.compare(await this.#bucket.bytes(there, bytes.length), bytes) !== 0)
      throw new SinkError(
        "damaged",
        `${this.where(path)} is not what belongs there: it was changed, or the prefix is that of another log. It is not written over. audit-verify says more; name a new prefix in AUDIT_SINKS, and the next run fills it`,
      );
  }

  /** The newest version of a checkpoint, the one file that is written anew. A delete marker on top of it changes nothing. */
  async #newest(path: string): Promise<ObjectVersion | undefined> {
    let newest: ObjectVersion | undefined;
    for await (const version of this.#bucket.versions(path)) {
      if (version.key !== path) continue;
      if (version.isDeleteMarker && version.isLatest) this.#report(path);
      if (version.isDeleteMarker) continue;
      newest = version;
      break;
    }
    // Servers differ in what a condition means where a delete marker is the latest: then there is none.
    const condition = newest?.isLatest === true ? { ifMatch: newest.etag } : {};
    this.#read.set(path, newest === undefined ? { ifNoneMatch: "*" } : condition);
    return newest;
  }
}
