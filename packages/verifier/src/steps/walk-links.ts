import type { Micros } from "@scidex/audit-core";
import { randomBytes } from "node:crypto";
import {
  type ChainResult,
  checkChain,
  kindsOfShard,
  type Lane,
  lastCut,
  lockAgainstRewriting,
  type PublishedHead,
  type Range,
  type Relation,
  type ReportFinding,
  resolveRange,
  REWRITTEN,
  type Shard,
  type Snapshot,
  type Survey,
  surveyChain,
} from "@scidex/audit-reader";
import type { Crew } from "../bulk/crew.ts";
import { TAG_KEY_BYTES } from "../bulk/kernel.ts";
import { cutsOf } from "../bulk/recorded-sum.ts";
import { isDivided } from "../bulk/share/stripes.ts";
import { tagKeyOf } from "../bulk/share/tag-key.ts";
import { type VouchedShare, vouchForShare } from "../bulk/share/vouch-share.ts";
import { vouchForLinks, type VouchedChain } from "../bulk/vouch-links.ts";
import { addUpTables, type RowSums } from "../bulk/vouch-tables.ts";
import type { KindHistory } from "../coverage/config.ts";
import type { Recorder } from "../rows/check-tables.ts";
import type { Histories } from "../coverage/read-histories.ts";
import type { VerifyOptions } from "../verify-options.ts";
import type { Heads } from "./heads.ts";
import { CHAIN, type Noted } from "./noted.ts";
import type { JobsPlan } from "./plan-jobs.ts";

/** What is known of the links of a range. */
export interface WalkedLinks {
  readonly range: Range;
  /** What all shards have together: the same where there are none. */
  readonly allShards: Range;
  readonly chain: ChainResult;
  /** Null where the chain was walked along link by link, or a shard of it was vouched for. */
  readonly vouched: Vouched | null;
  /** Null but for a shard that was vouched for, whose report is to be merged. */
  readonly share: Shared | null;
}

/** A shard in which nothing is wrong, and the sums of its tables. */
interface Shared {
  readonly share: VouchedShare;
  readonly rows: RowSums;
  readonly shard: Shard;
}

/** A chain in which nothing is wrong, and the sums of tables that were added up beside it. */
interface Vouched {
  readonly chain: VouchedChain;
  readonly rows: RowSums;
}

/** Options of `walkLinks`. */
export interface WalkLinksOptions {
  readonly table: Relation;
  readonly heads: Heads;
  /** Tables that are to be compared; null where none are, or the configuration cannot be read. */
  readonly histories: Histories | null;
  readonly plan: JobsPlan;
  readonly now: Micros;
  readonly options: VerifyOptions;
  readonly report: ReportFinding;
  /** The chain's index over kind and key, by oid; null where it is not known, or not to be trusted with a key. */
  readonly keyIndex: string | null;
  /** Which tables a shard adds up. */
  readonly isAddedUp: (history: KindHistory) => boolean;
  readonly recorder: Recorder | undefined;
}

/** Walks along the links, the fast way or the plain one. Null where they cannot be read, which makes what rests on them unproven. */
export async function walkLinks(
  snapshot: Snapshot,
  crew: Crew,
  given: WalkLinksOptions,
  noted: Noted,
): Promise<WalkedLinks | null> {
  const walked = await noted.orNull(
    CHAIN,
    ["links", "heads", "sources"],
    async () =>
      await snapshot[0].attempt(async (lane) => {
        if (await lockAgainstRewriting(lane, lane.place.schema, "audit_chain")) return REWRITTEN;
        const survey = surveyOnce(given);
        const ranges = await rangesOf(lane, given, survey);
        noted.saw({ from: ranges.range.from });
        const isHashed = noted.wants("links");
        return { ...ranges, ...(await walkRange(snapshot, crew, { ...given, lane, ...ranges, survey, isHashed })) };
      }),
  );
  if (walked === REWRITTEN) {
    noted.mayPass({ isTransient: true, isRewritten: true });
    noted.cannot(`${CHAIN}: ${REWRITTEN}`, "links", "heads", "sources", "coverage");
    return null;
  }
  if (walked !== null) noted.saw({ chain: walked.chain });
  return walked;
}

type ReadSurvey = (lane: Lane) => Promise<Survey>;

/** Reads the seqs of the chain as the snapshot has them: once, and not at all where nobody needs them. */
function surveyOnce({ table, plan }: WalkLinksOptions): ReadSurvey {
  let { survey } = plan;
  return async (lane) => (survey ??= await surveyChain(lane, table));
}

type Ranges = Pick<WalkedLinks, "range" | "allShards">;

async function rangesOf(lane: Lane, { heads, options }: WalkLinksOptions, survey: ReadSurvey): Promise<Ranges> {
  const published = heads.published?.heads ?? [];
  const needsLength = options.shard !== undefined && published.length === 0;
  const length = needsLength ? (await survey(lane)).length : 0n;
  return {
    range: resolveRange(options, published, length),
    allShards: resolveRange({ ...options, shard: undefined }, published, length),
  };
}

interface RangeOptions extends WalkLinksOptions {
  readonly lane: Lane;
  readonly range: Range;
  readonly allShards: Range;
  readonly survey: ReadSurvey;
  /** Whether links are asked for. */
  readonly isHashed: boolean;
}

async function walkRange(
  snapshot: Snapshot,
  crew: Crew,
  given: RangeOptions,
): Promise<Pick<WalkedLinks, "chain" | "vouched" | "share">> {
  const { lane, table, heads, range, allShards, survey, now, options, report } = given;
  const vouched = await vouch(snapshot, crew, given);
  if (vouched !== null) return { chain: vouched.chain.chain, vouched, share: null };
  const walk = async (which: Range): Promise<ChainResult> =>
    await checkChain(lane, {
      range: which,
      published: heads.published,
      now: heads.judgesTimes ? now : null,
      report,
      onProgress: options.onProgress,
      chain: table,
      survey: await survey(lane),
    });
  const end = endOfShards(given);
  if (end === null) return { chain: await walk(range), vouched: null, share: null };
  const shared = await vouchShare(snapshot, crew, given, end);
  // What stands among the shard's links and is newer than the head may not be where the last shard looks for it.
  if (shared?.share.isSorted === false && range.to !== undefined)
    await walk({ ...range, from: end.seq + 1n, to: undefined, after: end });
  if (shared !== null) return { chain: shared.share.chain, vouched: null, share: shared };
  // What does not belong there may belong to a shard that vouches for what it has, and does not see it.
  const { rows, length } = await survey(lane);
  return { chain: await walk(rows === length ? range : allShards), vouched: null, share: null };
}

/** The published head up to which shards go alike, if their sums are asked for and can be had; null where not. */
function endOfShards({ heads, range, options, keyIndex }: RangeOptions): PublishedHead | null {
  const { shard, shardSecret, plain } = options;
  const isAsked = shard !== undefined && shard.of > 1 && shardSecret !== undefined && plain !== true;
  const isKnown = heads.judgesTimes && range.ofWhole && (range.from === 1n || range.after !== undefined);
  if (!isAsked || !isKnown || keyIndex === null) return null;
  return lastCut(options, heads.published?.heads ?? []) ?? null;
}

/** The fast way through a shard. */
async function vouchShare(
  snapshot: Snapshot,
  crew: Crew,
  given: RangeOptions,
  end: PublishedHead,
): Promise<Shared | null> {
  const { table, heads, histories, range, survey, now, options, keyIndex, isAddedUp } = given;
  const { shard, shardSecret } = options;
  const { published } = heads;
  if (shard === undefined || shardSecret === undefined || published === null || keyIndex === null) return null;
  const tagKey = tagKeyOf(shardSecret, end);
  const rows: RowSums = { sums: new Map(), tables: new Map(), refused: [] };
  const isOurs = kindsOfShard(shard);
  const catalog = await snapshot[0].catalog();
  // What all shards read is read afterwards.
  const isAlone = (history: KindHistory) => isAddedUp(history) && !isDivided(catalog, history);
  const isWanted = (history: KindHistory) =>
    isOurs(Buffer.from(history.kind)) && isAlone(history) && options.inOrder !== true;
  const tables = new Map([...(histories ?? [])].filter(([, history]) => isWanted(history)));
  const share = await vouchForShare(snapshot, crew, {
    chain: table,
    survey,
    published,
    shard,
    range,
    end,
    now,
    index: keyIndex,
    tagKey,
    onProgress: options.onProgress,
    beside: addUpTables(tables, { catalog, crew, tagKey, rows }),
  });
  return share === null ? null : { share, rows, shard };
}

/**
 * The fast way through a whole chain: says that nothing is wrong with it, or nothing at all. Null also where less than
 * the whole is asked for. Where tables are to be compared, their rows are added up beside it.
 */
async function vouch(snapshot: Snapshot, crew: Crew, given: RangeOptions): Promise<Vouched | null> {
  const { table, heads, histories, plan, range, survey, isHashed, now, options } = given;
  const { from, to, ofWhole } = range;
  const isWhole = from === 1n && to === undefined && ofWhole;
  if (options.plain === true || !heads.judgesTimes || !isWhole) return null;
  const tagKey = randomBytes(TAG_KEY_BYTES);
  const rows: RowSums = { sums: new Map(), tables: new Map(), refused: [] };
  const catalog = await snapshot[0].catalog();
  const statements = heads.published?.statements ?? [];
  const isInOrder = (history: KindHistory): boolean => {
    const stated = statements.filter(({ kind }) => kind === history.kind).map((statement) => ({ statement }));
    return given.recorder?.inOrder(history, stated) === true;
  };
  const added = new Map([...(histories ?? [])].filter(([, history]) => !isInOrder(history)));
  const chain = await vouchForLinks(snapshot, crew, {
    chain: table,
    survey,
    published: heads.published,
    now,
    hashes: isHashed || heads.published !== null,
    expected: plan.expected,
    tagKey,
    cuts: cutsOf(histories?.values() ?? [], statements),
    keyIndex: given.keyIndex,
    onProgress: options.onProgress,
    beside: addUpTables(added, { catalog, crew, tagKey, rows }),
  });
  return chain === null ? null : { chain, rows };
}
