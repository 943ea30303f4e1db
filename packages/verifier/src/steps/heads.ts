import { type Micros, microsOfMillis, microsOfSeconds } from "@scidex/audit-core";
import {
  type ChainResult,
  HeadChecker,
  type PublishedHeads,
  readPublishedHeads,
  type ReportFinding,
  shortKey,
  type TreeScope,
} from "@scidex/audit-reader";
import { clockDoubt } from "../causes.ts";
import type { Policy } from "../coverage/policy.ts";
import { newlyRetired } from "../coverage/logs/retired-keys.ts";
import type { ParsedTrust } from "../trust.ts";
import { isWholeRun, VERIFY_DEFAULTS, type VerifyOptions } from "../verify-options.ts";
import type { Noted } from "./noted.ts";
import { checkWitnesses } from "./witnesses.ts";

/** What the sinks say. */
export interface Heads {
  /** Null where heads are not checked. */
  readonly published: PublishedHeads | null;
  /** Whether our clock can be believed, so that the times of links are judged. */
  readonly judgesTimes: boolean;
}

/**
 * Reads the published heads, where they are asked for and can be believed.
 *
 * @param treeScope how much of the trees beside them is looked at: in a run over everything all, unless somebody else does
 */
export async function readHeads(
  trust: ParsedTrust,
  now: Micros,
  options: VerifyOptions,
  noted: Noted,
  treeScope: TreeScope = isWholeRun(options) ? "whole" : "edge",
): Promise<Heads> {
  const { sinks, verifiers, state } = trust;
  const none: Heads = { published: null, judgesTimes: true };
  if (!noted.wants("heads")) return none;
  if (sinks.length === 0 && options.allowUnanchored === true) {
    noted.warn(["no sinks: a cut of the chain's end or a full rewrite cannot be seen"]);
    return none;
  }
  if (sinks.length === 0) {
    noted.cannot(
      "no sinks were given (AUDIT_SINKS), so that a cut or a full rewrite cannot be seen; --allow-unanchored accepts that",
      "heads",
    );
    return none;
  }
  if (verifiers.length === 0) {
    noted.cannot(
      "no verifier keys were given (AUDIT_VERIFIER_KEYS), so that the published heads cannot be believed",
      "heads",
    );
    return none;
  }
  const published = await readPublishedHeads(sinks, trust, state, noted.report, treeScope);
  noted.saw({ published });
  noted.warn([...published.warnings, ...unpinned(published, trust.policy)]);
  for (const reason of [...published.doubts, ...cutBeyond(published, options)]) noted.cannot(reason, "heads");
  checkWitnesses(published, trust.witnesses, options, noted);
  const doubt = clockDoubt(now, published);
  if (doubt !== undefined) noted.cannot(doubt, "heads");
  return { published, judgesTimes: doubt === undefined };
}

/** Shards that end at a head which is not published do not fit together. */
function cutBeyond({ heads }: PublishedHeads, { cutSeq }: VerifyOptions): string[] {
  const newest = heads.at(-1)?.seq;
  if (newest === undefined || cutSeq === undefined || cutSeq <= newest) return [];
  return [
    `the newest published head is at ${newest}, and the shards are cut up to ${cutSeq}: give all of them --cut ${newest}, or an earlier head`,
  ];
}

/** Without it, only the sinks say up to where an old key counts. */
const unpinned = ({ turns }: PublishedHeads, policy: Policy | null): string[] =>
  newlyRetired(turns, policy?.retiredKeys).map(
    ({ seq, retired, next }) =>
      `${retired.logKeys.map(shortKey).join(", ")} was replaced by ${next.logKeys.map(shortKey).join(", ")} at seq ${seq}, which the policy does not have: audit-chain policy --diff, then --approve`,
  );

/** Holds the published heads against a chain that is not there. */
export function checkHeadsWithoutChain({ published }: Heads, report: ReportFinding): void {
  if (published === null) return;
  new HeadChecker(published.heads, published.names, { size: 0n, hashes: [] }, report).finish(false);
}

/** Judges the newest signed time. */
export function checkFreshness(
  { published }: Heads,
  chain: ChainResult,
  now: Micros,
  { maxHeadAgeMs = VERIFY_DEFAULTS.maxHeadAgeMs }: VerifyOptions,
  noted: Noted,
): void {
  if (published === null) return;
  const { newestTime } = published;
  if (newestTime === null) {
    if (chain.rows > 0)
      noted.cannot(
        "no sink holds a head: either none has been published yet, or the sinks were emptied. The publisher knows which of the two: run audit-publisher publish, which publishes, or finds sink_rewound",
        "heads",
      );
    return;
  }
  const age = now - microsOfSeconds(newestTime);
  if (age <= microsOfMillis(maxHeadAgeMs)) return;
  noted.report({
    check: "publisher_silent",
    expected: `a head signed in the last ${Math.round(maxHeadAgeMs / 1000)} s`,
    // The message is what makes this the same finding in the second look, when it is later.
    actual: `${age / 1_000_000n} s ago by the clock here, ${new Date(Number(now / 1000n)).toISOString()}`,
    message:
      "the publisher has signed nothing for longer than allowed: it was stopped, or its heads do not reach the sinks (or the clock here is ahead)",
  });
}
