import { type Seq, splitKind } from "@scidex/audit-core";
import type { Divergence } from "@scidex/audit-reader";
import { brokenLink, isDoubtful } from "../rows/doubtful.ts";

/** What the shards have found. Whether a link further on is broken, which another shard has, no shard knows by itself. */
export function locatedIn(
  reports: readonly {
    readonly divergences: readonly Divergence[];
    readonly shard: { readonly tracked: readonly string[] };
  }[],
): Divergence[] {
  const all = reports.flatMap(({ divergences }) => divergences);
  const tracked = new Set(reports.flatMap(({ shard }) => shard.tracked));
  const lastBroken = all.reduce<Seq>((last, one) => {
    const seq = brokenLink(one) ?? 0n;
    return seq > last ? seq : last;
  }, 0n);
  return all.map((finding) => {
    const { seq: _, ...unlocated } = finding;
    const { kind } = splitKind(finding.eventKind ?? "");
    return isDoubtful(finding, lastBroken, tracked.has(kind)) ? unlocated : finding;
  });
}
