import type { Seconds, Seq } from "@scidex/audit-core";
import type { Config } from "../coverage/config.ts";
import type { PublishedHeads } from "@scidex/audit-reader";
import { type Generations, type RecordedTable, recordedTables } from "../coverage/generations.ts";
import type { LinkProofs } from "../prove/prove-findings.ts";
import type { KindCounts } from "../rows/kind-tally.ts";
import { CONFIG_OF_CONFIG, type Histories } from "../coverage/read-histories.ts";

/** A published head of one sink: how long the chain was, and when that was signed. */
export interface HeadTime {
  readonly seq: Seq;
  readonly signedTime: Seconds;
}

/** The heads of one sink whose signatures hold, in the order in which they stand there. */
export interface SinkHeads {
  readonly name: string;
  readonly heads: readonly HeadTime[];
}

/** A change of what is covered, from the link on that records it. */
export type CoverageChange = Config;

/** What a verification saw on its way, beside what it found: what a person needs to picture the chain. */
export interface Overview {
  /** Null where heads were not checked. */
  readonly sinks: readonly SinkHeads[] | null;
  /** Null where events were not read. */
  readonly kinds: KindCounts | null;
  /** What was covered since when, oldest first; null where the configuration was not read. */
  readonly coverage: readonly CoverageChange[] | null;
  /** What was recorded anew, in the order of the chain. */
  readonly recordedAnew: readonly RecordedTable[];
  /** Of the links that findings name; null where they were not asked for. */
  readonly proofs: LinkProofs | null;
}

/** What an overview is made of. */
export interface OverviewSource {
  readonly published: PublishedHeads | null;
  readonly kinds: KindCounts | null;
  readonly histories: Histories | null;
  readonly generations: Generations;
}

/** Puts together what a look has seen. */
export function overviewOf({ published, kinds, histories, generations }: OverviewSource): Overview {
  return {
    sinks: published === null ? null : sinksOf(published),
    kinds,
    coverage: histories && changesOf(histories),
    recordedAnew: recordedTables(generations),
    proofs: null,
  };
}

function sinksOf({ known, names }: PublishedHeads): SinkHeads[] {
  const sinks = new Map<string, HeadTime[]>([...known.keys()].map((name) => [name, []]));
  for (const [{ seq, signedTime }, name] of names) sinks.get(name)?.push({ seq, signedTime });
  return [...sinks].map(([name, heads]) => ({ name, heads }));
}

function changesOf(histories: Histories): CoverageChange[] {
  return [...histories.values()]
    .flatMap(({ configs }) => configs)
    .filter((config) => config.seq !== CONFIG_OF_CONFIG.seq)
    .toSorted((a, b) => ((a.seq ?? 0n) < (b.seq ?? 0n) ? -1 : 1));
}
