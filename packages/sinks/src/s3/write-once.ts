import type { Bucket, ObjectVersion } from "./bucket.ts";

/**
 * Of an object that is written once, the oldest version counts: whoever may write to a bucket can put another version or a
 * delete marker on top of it, and under Object Lock he cannot take it away.
 *
 * @param report is told of a name that has more than that one version
 */
export async function oldestVersion(
  bucket: Bucket,
  key: string,
  report: (key: string) => void,
): Promise<ObjectVersion | undefined> {
  let oldest: ObjectVersion | undefined;
  for await (const version of bucket.versions(key)) {
    if (version.key !== key) {
      if (version.isDeleteMarker) continue;
      // Names come in order, and the shortest first.
      break;
    }
    if (version.isDeleteMarker || oldest !== undefined) report(key);
    if (!version.isDeleteMarker) oldest = version;
  }
  return oldest;
}

/** The same of all names that begin so, from one on. */
export async function oldestVersions(
  bucket: Bucket,
  start: string,
  report: (key: string) => void,
  from?: string,
): Promise<Map<string, ObjectVersion>> {
  const oldest = new Map<string, ObjectVersion>();
  for await (const version of bucket.versions(start, from)) {
    if (version.isDeleteMarker || oldest.has(version.key)) report(version.key);
    if (!version.isDeleteMarker) oldest.set(version.key, version);
  }
  return oldest;
}
