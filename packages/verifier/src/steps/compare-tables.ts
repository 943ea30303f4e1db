import { type Micros, splitKind } from "@scidex/audit-core";
import {
  type Finding,
  type IsOurs,
  type PublishedHeads,
  type Relation,
  type ReportFinding,
  type Snapshot,
} from "@scidex/audit-reader";
import type { Crew } from "../bulk/crew.ts";
import { type SharedTables, shareTables } from "../bulk/share/share-tables.ts";
import { textOf } from "../bulk/share/sums.ts";
import type { VouchedShare } from "../bulk/share/vouch-share.ts";
import { vouchForTables } from "../bulk/vouch-tables.ts";
import { readNotCovered, readUndead } from "../coverage/not-covered.ts";
import type { Histories } from "../coverage/read-histories.ts";
import type { Generations } from "../coverage/generations.ts";
import type { ShardSums } from "../report/shard-sums.ts";
import { checkTables, type Recorder } from "../rows/check-tables.ts";
import { isDoubtful } from "../rows/doubtful.ts";
import { readErasures } from "../rows/erasure.ts";
import { readPending } from "../rows/read-pending.ts";
import { Retention, retentionRule } from "../rows/retirement.ts";
import type { KindHistory } from "../coverage/config.ts";
import type { Policy } from "../coverage/policy.ts";
import { type EarlierLook, StreamJudge, type StreamProgress } from "./stream.ts";
import type { WalkedLinks } from "./walk-links.ts";
import { type Noted, PENDING } from "./noted.ts";
import { readPendingTable } from "./own-tables.ts";

/** Options of `compareTables`. */
export interface CompareTablesOptions {
  readonly links: WalkedLinks;
  readonly isOurs: IsOurs;
  /** The chain's table. */
  readonly table: Relation;
  /** Null where the configuration was not asked for, or cannot be read. */
  readonly histories: Histories | null;
  /** Kinds whose table is another than the one that was attached. */
  readonly replaced: ReadonlySet<string>;
  readonly generations: Generations;
  readonly recorder: Recorder | undefined;
  readonly policy: Policy | null;
  /** What the sinks say; null where they were not read. */
  readonly published: PublishedHeads | null;
  readonly now: Micros;
  readonly stream: StreamProgress | null;
  readonly earlier: EarlierLook | undefined;
  /** Which tables a shard adds up, unless it is to compare all of its tables in order. */
  readonly isAddedUp: (history: KindHistory) => boolean;
  readonly inOrder: boolean;
}

/** Compares events with rows; where pending cannot be read, only events with each other. */
export async function compareTables(
  snapshot: Snapshot,
  crew: Crew,
  given: CompareTablesOptions,
  noted: Noted,
): Promise<void> {
  const pending = noted.wants("sources") && given.histories !== null ? await readWaiting(snapshot, given, noted) : null;
  if (given.histories !== null && noted.wants("sources")) await seeNotCovered(snapshot, given.histories, noted);
  if (pending === null && !noted.wants("links")) return;
  // A right or a lock that is missing only here must not hide what else was found.
  await noted.orNull(
    "the events of the chain and of pending",
    ["links", "sources"],
    async () =>
      await snapshot[0].attempt(async (lane) => {
        const [, second, ...others] = snapshot;
        await compare([lane, second, ...others], crew, { ...given, pending }, noted);
      }),
  );
}

/** Takes down which columns nobody has taken in yet. */
async function seeNotCovered([lane]: Snapshot, histories: Histories, noted: Noted): Promise<void> {
  const notCovered = await noted.orNull(
    "the columns of audited tables",
    ["sources"],
    async () => await lane.attempt(async (attempt) => await readNotCovered(attempt, histories)),
  );
  noted.saw({ notCovered });
  const undead = await lane.attempt(async (attempt) => await readUndead(attempt, histories));
  for (const { seq, kind, relation } of undead)
    noted.report({
      check: "source_missing",
      ...(seq === null ? {} : { seq }),
      eventKind: kind,
      expected: "no table",
      actual: "a table",
      message: `${relation} was recorded as dropped, and is there without being audited`,
    });
}

/** Reads how much waits to be linked. Returns its table; null where that cannot be read. */
async function readWaiting([lane]: Snapshot, { now }: CompareTablesOptions, noted: Noted): Promise<Relation | null> {
  const table = await readPendingTable(lane, noted);
  if (table === null) return null;
  const pending = await noted.orNull(
    PENDING,
    ["sources"],
    async () => await lane.attempt(async (attempt) => await readPending(attempt, table, now)),
  );
  if (pending === null) return null;
  noted.saw({ pending });
  noted.warn(pending.warnings);
  return table;
}

async function compare(
  snapshot: Snapshot,
  crew: Crew,
  given: CompareTablesOptions & { readonly pending: Relation | null },
  noted: Noted,
): Promise<void> {
  const { links, isOurs, table, pending, published, generations, recorder, policy, now } = given;
  const { allShards: range, vouched, share } = links;
  const histories: Histories = given.histories ?? new Map();
  const added = vouched ?? share;
  const sources = pending === null || added === null ? null : { pending, rows: added.rows };
  const shared = share && (await shareTables(snapshot, crew, { ...given, ...share, histories, sources }));
  const ofShard = given.inOrder ? null : shared;
  const judge = new StreamJudge(histories, given.stream, noted, given.earlier);
  const report = reportOf(histories, judge, noted);
  const retentions: Retention[] = [];
  const erased = published === null ? null : await readErasures(snapshot[0], table, published, policy);
  const retentionOf = ({ kind, current: { relation } }: KindHistory): Retention | null => {
    const rule = retentionRule(policy, kind, relation, now);
    const retention = rule === null ? null : new Retention(rule, report);
    if (retention !== null) retentions.push(retention);
    return retention;
  };
  const tables = await checkTables(snapshot, {
    histories,
    sources: pending !== null,
    vouched:
      ofShard ??
      (vouched &&
        (await vouchForTables(snapshot, crew, { chain: vouched.chain, histories, sources, generations, recorder }))),
    chain: table,
    pending,
    range,
    isOurs,
    replaced: given.replaced,
    report,
    generations,
    recorder,
    soundTo: noted.isSound ? (links.chain.last?.seq ?? null) : null,
    mayWait: (finding) => judge.holdsBack(finding),
    erased,
    retentionOf,
  });
  judge.finish();
  for (const reason of tables.unproven) noted.cannot(reason, "sources");
  noted.mayPass(tables);
  noted.warn(retentions.flatMap((retention) => retention.warnings));
  noted.saw({
    retired: retentions.flatMap((retention) => retention.retired),
    erased: [...(erased?.values() ?? [])].filter(({ kind }) => isOurs(Buffer.from(kind))),
    restored: tables.restored,
    kinds: tables.kinds,
    // Of a shard those of its links, whatever it has compared.
    eventsWithoutSource:
      given.histories === null ? 0n : shared ? withoutSource(shared, histories) : tables.eventsWithoutSource,
    sums: share && shared && sumsOf(share.share, shared, given.inOrder),
  });
}

/** How many of the links are of no table. */
function withoutSource({ links }: SharedTables, histories: Histories): bigint {
  const counts = [...links].filter(([kind]) => !histories.has(kind) && !histories.has(splitKind(kind).kind));
  return counts.reduce((all, [, count]) => all + count, 0n);
}

/** What the report of a shard says for `audit-verify merge` to compare. */
function sumsOf(share: VouchedShare, { tables }: SharedTables, isInOrder: boolean): ShardSums {
  const { from, to, sum } = share.index;
  return {
    blocks: share.blocks,
    links: share.links.map(({ kind, ...sum }) => ({ kind, ...textOf(sum) })),
    keys: textOf(share.keys),
    index: { from, to, ...textOf(sum) },
    tables: isInOrder
      ? []
      : tables.map(({ kind, rows, isDivided }) => ({ kind, rows: rows && textOf(rows), isDivided })),
    isInOrder,
  };
}

/** Takes what the comparison of a table finds. */
function reportOf(histories: Histories, judge: StreamJudge, noted: Noted): ReportFinding {
  return (finding: Finding) => {
    if (judge.holdsBack(finding)) return;
    const { seq: _, ...unlocated } = finding;
    const { kind } = splitKind(finding.eventKind ?? "");
    const isTracked = histories.get(kind)?.configs.some(({ changes }) => changes === "track") ?? false;
    noted.report(isDoubtful(finding, noted.lastBroken, isTracked) ? unlocated : finding);
  };
}
