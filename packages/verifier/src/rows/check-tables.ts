import { type Seq, splitKind } from "@scidex/audit-core";
import { compareBytes } from "./byte-order.ts";
import { inForce, type KindHistory } from "../coverage/config.ts";
import { epochStarts } from "../coverage/key-epochs.ts";
import { type Generation, type Generations, isStated } from "../coverage/generations.ts";
import { checkTable } from "./check-table.ts";
import {
  type Cursor,
  type IsOurs,
  isRefused,
  isTransient,
  type Range,
  reasonOf,
  type Relation,
  type ReportFinding,
  type Snapshot,
  Sorter,
} from "@scidex/audit-reader";
import { GroupReader } from "./group-reader.ts";
import { type KindCounts, KindTally } from "./kind-tally.ts";
import type { ErasedRows } from "./erasure.ts";
import type { RestoredRows } from "./changes/restoration.ts";
import type { Retention } from "./retirement.ts";

import { type EventsWanted, type KeyedEvent, readEventsByKey } from "./read-events.ts";
import type { Histories } from "../coverage/read-histories.ts";
import type { ComparisonGround, RowToRecord, SourceTally } from "./comparison.ts";

/** What the comparison of all tables with the chain found beside findings. */
export interface TablesResult {
  /** Why something could not be judged. */
  readonly unproven: string[];
  /** Whether another look may be able to judge it. */
  readonly isTransient: boolean;
  /** Whether a table was rewritten between the snapshot and its lock. */
  readonly isRewritten: boolean;
  readonly eventsWithoutSource: bigint;
  readonly kinds: KindCounts;
  /** Rows that were put back. */
  readonly restored: readonly RestoredRows[];
}

/** Kinds whose events need not be compared one by one any more. */
export interface VouchedTables {
  /** The number of events of every kind in the chain. */
  readonly links: ReadonlyMap<string, bigint>;
  /** Kinds of tables in which nothing is wrong, with the number of their rows; null where rows were not asked for. */
  readonly matched: ReadonlyMap<string, number | null>;
}

/** Asks for what is to be recorded anew, table by table: the publisher. */
export interface Recorder {
  /**
   * What takes the rows of this table; undefined where nothing of it is to be recorded anew.
   *
   * @param soundTo the last link, where nothing was found in the chain or against the published heads
   */
  readonly begin: (
    history: KindHistory,
    generations: readonly Generation[],
    soundTo: Seq | null,
  ) => ((row: RowToRecord) => void) | undefined;
  /** Whether a table is compared in order at once, since adding it up would say nothing of rows that are still to be recorded. */
  readonly inOrder: (history: KindHistory, generations: readonly Pick<Generation, "statement">[]) => boolean;
  /** Instead, of a table of which that can be told by sums: all that was to be recorded anew has been, and so many could not be compared. */
  readonly vouched: (history: KindHistory, notCompared: number) => void;
  /** After the last row of a table. @param result its tally, or why it could not be compared */
  readonly end: (history: KindHistory, result: SourceTally | string) => void;
}

/** Options of `checkTables`. */
export interface CheckTablesOptions {
  readonly histories: Histories;
  /** Whether tables are compared at all, or only events with each other (duplicates). */
  readonly sources: boolean;
  readonly chain: Relation;
  /** Null where pending cannot be read. */
  readonly pending: Relation | null;
  readonly range: Range;
  /** Which kinds are compared: not those that another shard compares. */
  readonly isOurs: IsOurs;
  /** Kinds whose table is another than the one that was attached. */
  readonly replaced: ReadonlySet<string>;
  readonly report: ReportFinding;
  readonly generations: Generations;
  readonly recorder: Recorder | undefined;
  /** The last link; null where something was found in the chain, or could not be checked. */
  readonly soundTo: Seq | null;
  /** As a table's ground has it, where rows are to be recorded anew. */
  readonly mayWait: ComparisonGround["mayWait"];
  /** Rows that may be missing since they were erased; null where that is not known. */
  readonly erased: ErasedRows | null;
  /** By which rows of a table may be missing; null where none may. */
  readonly retentionOf: (history: KindHistory) => Retention | null;
  /** What need not be compared any more; null where nothing has been vouched for. */
  readonly vouched: VouchedTables | null;
}

/**
 * Walks all events in the order of kind and key, once, and with them each audited table in the order of its keys. What has
 * been vouched for is left out.
 */
export async function checkTables(snapshot: Snapshot, options: CheckTablesOptions): Promise<TablesResult> {
  const { histories, vouched, chain, pending, isOurs } = options;
  const tally = new KindTally(histories.keys());
  const withoutSource = vouched === null ? 0n : countVouched(vouched, histories, tally);
  const kinds = [...histories.keys()]
    .filter((kind) => vouched?.matched.has(kind) !== true && isOurs(Buffer.from(kind)))
    .toSorted(compareBytes);
  if (vouched !== null && kinds.length === 0)
    return {
      unproven: [],
      isTransient: false,
      isRewritten: false,
      eventsWithoutSource: withoutSource,
      kinds: tally.counts(),
      restored: [],
    };
  const sorter = new Sorter();
  try {
    const epochs = new Map([...histories].map(([kind, history]) => [kind, epochStarts(history)]));
    const wanted = { chain, pending, tableKinds: kinds, others: vouched === null, isOurs, epochs };
    const events = await readEventsByKey(snapshot[0], wanted, sorter);
    const result = await walk(snapshot, kinds, events, options, epochs, tally);
    const eventsWithoutSource = withoutSource + result.eventsWithoutSource;
    return { ...result, eventsWithoutSource, kinds: tally.counts() };
  } finally {
    sorter.close();
  }
}

async function walk(
  snapshot: Snapshot,
  kinds: readonly string[],
  events: Cursor<KeyedEvent>,
  {
    histories,
    sources,
    range,
    replaced,
    report,
    generations,
    recorder,
    soundTo,
    mayWait,
    erased,
    retentionOf,
  }: CheckTablesOptions,
  epochs: EventsWanted["epochs"],
  tally: KindTally,
): Promise<Omit<TablesResult, "kinds">> {
  const unproven: string[] = [];
  let transient = false;
  let isRewritten = false;
  let eventsWithoutSource = 0n;
  const isRefusedChange = ({ kind, seq }: KeyedEvent): "forged" | "seen" | false => {
    const history = histories.get(kind);
    if (history === undefined) return false;
    const config = seq === null ? history.current : inForce(history.configs, seq);
    if (config?.changes !== "refuse") return false;
    return config.mode === "stream" ? "seen" : "forged";
  };
  const judge = {
    isRefused: isRefusedChange,
    isStated: ({ kind, seq }: KeyedEvent) => isStated(generations.get(kind) ?? [], seq),
    isRekeyed: ({ kind, epoch }: KeyedEvent) => epoch < (epochs.get(kind)?.length ?? 0),
  };
  const groups = new GroupReader(events, judge, report, tally);
  await groups.next();
  for (const kind of kinds) {
    while (groups.current !== undefined && compareBytes(groups.current.kind, kind) < 0) {
      eventsWithoutSource += BigInt(groups.current.links);
      await groups.next();
    }
    const history = histories.get(kind);
    if (history !== undefined && sources) {
      try {
        const toRecord = recorder?.begin(history, generations.get(kind) ?? [], soundTo);
        const retention = retentionOf(history);
        const recording = toRecord === undefined ? {} : { toRecord, mayWait };
        const ground = {
          range,
          generations: generations.get(kind) ?? [],
          retention,
          erased,
          isReplaced: replaced.has(kind),
          ...recording,
        };
        const compared = await snapshot[1].attempt(
          async (lane) => await checkTable(lane, history, groups, ground, report, tally),
        );
        const isCompared = compared !== null && "tally" in compared;
        if (toRecord !== undefined)
          recorder?.end(history, isCompared ? compared.tally : (compared?.reason ?? "it is not there"));
        const problem = isCompared ? compared.problem : compared;
        if (problem !== null) unproven.push(problem.reason);
        transient ||= problem?.isTransient === true;
        isRewritten ||= problem?.isTransient === true;
      } catch (error) {
        // One table that cannot be read must not hide what the others are like.
        if (!isRefused(error)) throw error;
        unproven.push(`${history.current.relation} could not be read: ${reasonOf(error, "scidex_audit_inspector")}`);
        transient ||= isTransient(error);
      }
    }
    while (groups.current?.kind === kind) await groups.next();
  }
  while (groups.current !== undefined) {
    eventsWithoutSource += BigInt(groups.current.links);
    await groups.next();
  }
  return { unproven, isTransient: transient, isRewritten, eventsWithoutSource, restored: groups.restored };
}

/** Counts the events of kinds that need not be compared. Returns how many of them have no table. */
function countVouched(vouched: VouchedTables, histories: Histories, tally: KindTally): bigint {
  let withoutSource = 0n;
  for (const [kind, links] of [...vouched.links].toSorted(([a], [b]) => compareBytes(a, b))) {
    const { kind: table } = splitKind(kind);
    // Those of a table that is compared are counted there.
    if (histories.has(table) && !vouched.matched.has(table)) continue;
    if (histories.has(kind) && !vouched.matched.has(kind)) continue;
    const isOfTable = histories.has(kind) || histories.has(table);
    tally.add(histories.has(kind) ? kind : isOfTable ? table : kind, Number(links));
    if (!isOfTable) withoutSource += links;
  }
  for (const [kind, matched] of vouched.matched) if (matched !== null) tally.compared(kind, matched);
  return withoutSource;
}
