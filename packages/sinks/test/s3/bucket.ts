import { randomUUID } from "node:crypto";
import { inject, onTestFinished } from "vitest";
import { CREDENTIALS } from "./gateway.ts";
import { type BucketKind, TestBucket } from "./test-bucket.ts";

/** A bucket of a test's own. */
export async function createBucket(kind: BucketKind): Promise<TestBucket> {
  const { plain, versions } = inject("endpoints");
  Object.assign(process.env, CREDENTIALS);
  const bucket = await TestBucket.create(`audit-${randomUUID()}`, kind === "plain" ? plain : versions, kind);
  onTestFinished(() => bucket.close());
  return bucket;
}
