import { type Micros, splitKind } from "@scidex/audit-core";
import {
  CHECKS,
  type Finding,
  type IsOurs,
  type PublishedHeads,
  type Relation,
  type ReportFinding,
  type Snapshot,
} from "@scidex/audit-reader";
import type { Crew } from "../bulk/crew.ts";
import { vouchForTables } from "../bulk/vouch-tables.ts";
import { readNotCovered, readUndead } from "../coverage/not-covered.ts";
import type { Histories } from "../coverage/read-histories.ts";
import type { Generations } from "../coverage/generations.ts";
import { checkTables, type Recorder } from "../rows/check-tables.ts";
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
  readonly generations: Generations;
  readonly recorder: Recorder | undefined;
  readonly policy: Policy | null;
  /** What the sinks say; null where they were not read. */
  readonly published: PublishedHeads | null;
  readonly now: Micros;
  readonly stream: StreamProgress | null;
  readonly earlier: EarlierLook | undefined;
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
  const { allShards: range, vouched } = links;
  const histories: Histories = given.histories ?? new Map();
  const sources = pending === null || vouched === null ? null : { pending, rows: vouched.rows };
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
      vouched &&
      (await vouchForTables(snapshot, crew, { chain: vouched.chain, histories, sources, generations, recorder })),
    chain: table,
    pending,
    range,
    isOurs,
    report,
    generations,
    recorder,
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
    eventsWithoutSource: given.histories === null ? 0n : tables.eventsWithoutSource,
  });
}

/**
 * Takes what the comparison of a table finds. Where a link further on is missing or was changed, it may have been the
 * newest event of a tracked row. Then the row is named, but not the seq of its older event, which nobody has touched.
 */
function reportOf(histories: Histories, judge: StreamJudge, noted: Noted): ReportFinding {
  return (finding: Finding) => {
    if (judge.holdsBack(finding)) return;
    const { seq, ...unlocated } = finding;
    const { kind } = splitKind(finding.eventKind ?? "");
    const isTracked = histories.get(kind)?.configs.some(({ changes }) => changes === "track") ?? false;
    // An event that does not follow from the one before it does so whatever comes after.
    const isOfRow = CHECKS[finding.check] === "sources" && finding.check !== "change_unrecorded";
    const isDoubtful = isOfRow && seq !== undefined && seq < noted.lastBroken && isTracked;
    noted.report(isDoubtful ? unlocated : finding);
  };
}
