import type { FileSettings } from "../file-sink.ts";
import type { Sink } from "../sink.ts";
import { newHeadsOf } from "../tiles/head-tree.ts";
import { showHeads } from "../tiles/show-heads.ts";
import { BucketStore } from "./bucket-store.ts";
import { Bucket } from "./bucket.ts";
import { readAhead } from "./read-ahead.ts";
import type { S3Address } from "./s3-url.ts";
import { SegmentLog } from "./segment-log.ts";

/**
 * A head log with the whole tree beside it, as objects of a bucket: `checkpoint` and `tile/…` as in a `tiles:` sink, and
 * the lines in segments. What is written in which order, and why, is as there; in the place of its lock stand conditional
 * writes. The bucket's versions are read, never just the latest: see `oldestVersion`.
 */
export function createS3Sink(address: S3Address, settings: FileSettings): Sink {
  const { name } = address;
  const bucket = new Bucket(address, settings);
  const odd = new Set<string>();
  const report = (key: string): void => void odd.add(key);
  const log = new SegmentLog(bucket, report);
  const files = new BucketStore(bucket, report);
  return {
    name,
    kind: "s3",
    files: readAhead({ read: async (path) => await files.read(path) }),
    read: () => log.read(),
    append: async (lines, options = {}) => {
      const news = newHeadsOf(lines);
      const before = async (): Promise<void> =>
        await showHeads(new BucketStore(bucket, report), news, () => log.read(), {
          leaves: options.leaves,
          signal: settings.signal,
        });
      return await log.append(lines, { ...options, ...(news.heads.length > 0 ? { before } : {}) });
    },
    warnings: () => {
      const [first] = [...odd].toSorted();
      return first === undefined
        ? []
        : [
            `${name}: somebody has written or deleted where nobody should (${odd.size} names, the first of them ${first}). What was there first is what was read`,
          ];
    },
    place: async () => ({
      name,
      git: undefined,
      file: undefined,
      folders: [],
      bucket: {
        where: [await bucket.host(), address.bucket, address.prefix].join(" "),
        writer: await log.identity(),
      },
    }),
    close: async () => await bucket.close(),
  };
}
