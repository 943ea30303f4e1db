import { createHash } from "node:crypto";
import { type Seq, toHex } from "@scidex/audit-core";
import { type KnownServer, lastCut, type PublishedHead } from "@scidex/audit-reader";
import { historiesOf } from "../coverage/config.ts";
import type { Observations } from "../report/observations.ts";
import type { ShardSums } from "../report/shard-sums.ts";
import { compareBytes } from "../rows/byte-order.ts";
import type { VerifyOptions } from "../verify-options.ts";

/** What `audit-verify merge` holds the shards of one verification against each other by. */
export interface VerifiedShard {
  /** The chain hash that the first link follows, in hex; null where the link before is missing. */
  readonly startsAfter: string | null;
  /** The published head up to which the range is cut into shards; null where none is known. */
  readonly end: { readonly seq: Seq; readonly chainHash: string } | null;
  /** SHA-256 over the published heads up to it, a line `<seq> <chain hash>` each, in hex. */
  readonly heads: string;
  /** Null where it could not be told. */
  readonly server: KnownServer | null;
  /** Kinds of tables whose rows change, sorted. */
  readonly tracked: readonly string[];
  /** Null where it has compared all its tables in order, as it does without a secret. */
  readonly sums: ShardSums | null;
}

/** What a shard has in common with the others of its verification, and where it begins. */
export function verifiedShard(
  { chain, published, server, sums, overview }: Observations,
  options: VerifyOptions,
): VerifiedShard {
  const heads = published?.heads ?? [];
  const end = lastCut(options, heads);
  return {
    startsAfter: chain.startsAfter && toHex(chain.startsAfter),
    end: end === undefined ? null : { seq: end.seq, chainHash: toHex(end.chainHash) },
    heads: digestOf(end === undefined ? [] : heads.filter(({ seq }) => seq <= end.seq)),
    server,
    tracked: [...historiesOf(overview.coverage ?? []).values()]
      .filter(({ configs }) => configs.some(({ changes }) => changes === "track"))
      .map(({ kind }) => kind)
      .toSorted(compareBytes),
    sums,
  };
}

/** A head that was signed again at the same seq counts once: the next one may come while shards are running. */
function digestOf(heads: readonly PublishedHead[]): string {
  const hash = createHash("sha256");
  for (const line of new Set(heads.map(({ seq, chainHash }) => `${seq} ${toHex(chainHash)}`))) hash.update(`${line}\n`);
  return hash.digest("hex");
}
