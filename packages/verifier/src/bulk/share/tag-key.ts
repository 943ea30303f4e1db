import { hkdfSync } from "node:crypto";
import { toHex } from "@scidex/audit-core";
import type { PublishedHead } from "@scidex/audit-reader";
import { TAG_KEY_BYTES } from "../kernel.ts";

/** What the shards of one verification share, and nobody else knows. */
export interface ShardSecret {
  /** What the scheduler calls the run. */
  readonly run: string;
  readonly secret: string;
}

/**
 * The key of the tags that shards add up: HKDF-SHA256 of the secret, for the run and the published head up to which it goes. Nothing
 * that stands in the database is part of the secret, so that who can write there cannot look for rows whose tags cancel out;
 * and sums of another night, in reports that somebody kept, are of other tags.
 */
export function tagKeyOf({ run, secret }: ShardSecret, { seq, chainHash }: PublishedHead): Uint8Array {
  const info = `audit-chain shard sums\n${seq} ${toHex(chainHash)}\n${run}`;
  return new Uint8Array(hkdfSync("sha256", secret, "", info, TAG_KEY_BYTES));
}
