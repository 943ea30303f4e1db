import { openSink } from "@scidex/audit-sinks";
import { jsonForm } from "@scidex/audit-core";
import { type MergedReport, mergeReports, type OpenedReport } from "../../src/shards/merge-reports.ts";
import { formatShardReport, openShardReport } from "../../src/shards/shard-report.ts";
import { type Verification, verify } from "../../src/verify.ts";
import type { VerifyOptions } from "../../src/verify-options.ts";
import { type ChainDatabase, ORIGIN } from "../chain-database.ts";

export const SECRET = { run: "17", secret: "0123456789abcdef" };
const CHECKS = ["links", "heads", "sources", "coverage", "structure"] as const;

/** Runs a shard in this process. */
export async function runShard(
  chain: ChainDatabase,
  number: number,
  of: number,
  cutSeq: bigint,
  more: VerifyOptions = {},
): Promise<Verification> {
  const trust = { heads: chain.paths.map((path) => openSink(`file:${path}`)), keys: chain.vkeys, origin: ORIGIN };
  const options = { checks: CHECKS, shard: { number, of }, cutSeq, shardSecret: SECRET, jobs: 2, ...more };
  return await verify(chain.sql, trust, options);
}

/** The reports of shards, as a merge has them. */
export function opened(
  verifications: readonly (Pick<Verification, "report" | "shard"> & { readonly number: number })[],
  of: number,
): OpenedReport[] {
  return verifications.map(({ report, shard, number }) => {
    if (shard === null) throw new Error("no shard");
    const { startsAfter, tracked, sums, ...found } = shard;
    const bound = {
      run: SECRET.run,
      of,
      from: 1n,
      to: null,
      checks: [...CHECKS],
      origin: ORIGIN,
      keys: [],
      policy: null,
      trustPolicy: null,
      hasState: false,
      allowUnanchored: false,
      maxHeadAgeMs: 1,
      version: "1",
      ...found,
    };
    const line = formatShardReport(report, { number, of, startsAfter, tracked, sums, bound }, SECRET.secret);
    return { file: `${number}.json`, json: openShardReport(line, SECRET.secret) };
  });
}

/** Verifies in so many shards, one after the other, and merges; what is open is compared in order. */
export async function verifyInShards(
  chain: ChainDatabase,
  of: number,
  cutSeq: bigint,
  {
    between = async () => {},
    settles = true,
  }: { readonly between?: (number: number) => Promise<void>; readonly settles?: boolean } = {},
): Promise<MergedReport & { readonly first: MergedReport; readonly shards: readonly Verification[] }> {
  const shards: (Verification & { number: number })[] = [];
  for (let number = 1; number <= of; number++) {
    shards.push({ number, ...(await runShard(chain, number, of, cutSeq)) });
    await between(number);
  }
  const first = mergeReports(opened(shards, of), SECRET.run);
  if (!settles || first.open.length === 0) return { ...first, first, shards };
  for (const { number } of first.open)
    shards[number - 1] = { number, ...(await runShard(chain, number, of, cutSeq, { inOrder: true })) };
  return { ...mergeReports(opened(shards, of), SECRET.run), first, shards };
}

export const text = (value: unknown): string => JSON.stringify(jsonForm(value));
