import type { PublishedHead } from "@scidex/audit-reader";

/** A published head, as far as the key of tags needs it. */
export const toPublished = (seq: bigint, hash: number): PublishedHead =>
  ({ seq, chainHash: new Uint8Array(32).fill(hash) }) as unknown as PublishedHead;
