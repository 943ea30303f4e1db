import { compareBytes } from "./byte-order.ts";
import { inForce } from "./config.ts";
import { checkTable } from "./check-table.ts";
import type { Report } from "./finding.ts";
import { GroupReader } from "./group-reader.ts";
import { type KindCounts, KindTally } from "./kind-tally.ts";
import type { Range } from "./range.ts";
import { type KeyedEvent, readEventsByKey } from "./read-events.ts";
import type { Histories } from "./read-histories.ts";
import { isRefused, isTransient, reasonOf } from "./refused.ts";
import type { Snapshot } from "./snapshot.ts";

/** What the comparison of all tables with the chain found beside findings. */
export interface TablesResult {
  /** Why something could not be judged. */
  readonly unproven: string[];
  /** Whether another look may be able to judge it. */
  readonly isTransient: boolean;
  readonly eventsWithoutSource: bigint;
  readonly kinds: KindCounts;
}

/** Options of `checkTables`. */
export interface CheckTablesOptions {
  readonly histories: Histories;
  /** Whether tables are compared at all, or only events with each other (duplicates). */
  readonly sources: boolean;
  /** Whether pending can be read. */
  readonly pending: boolean;
  readonly range: Range;
  readonly report: Report;
}

/**
 * Walks all events in the order of kind and key, once, and with them each audited table in the order of its keys.
 */
export async function checkTables(snapshot: Snapshot, options: CheckTablesOptions): Promise<TablesResult> {
  const { histories, report } = options;
  const unproven: string[] = [];
  let transient = false;
  const kinds = [...histories.keys()].toSorted(compareBytes);
  const events = await readEventsByKey(snapshot[0], kinds, options.pending, report);
  const isRefusedChange = ({ kind, seq }: KeyedEvent): boolean => {
    const history = histories.get(kind);
    if (history === undefined) return false;
    return (seq === null ? history.current : inForce(history.configs, seq))?.changes === "refuse";
  };
  const tally = new KindTally(histories.keys());
  const groups = new GroupReader(events, isRefusedChange, report, tally);
  await groups.next();
  let withoutSource = 0n;
  for (const kind of kinds) {
    while (groups.current !== undefined && compareBytes(groups.current.kind, kind) < 0) {
      withoutSource += BigInt(groups.current.links);
      await groups.next();
    }
    const history = histories.get(kind);
    if (history !== undefined && options.sources) {
      try {
        const problem = await snapshot[1].attempt(
          async (lane) => await checkTable(lane, history, groups, options.range, report, tally),
        );
        if (problem !== null) unproven.push(problem.reason);
        transient ||= problem?.isTransient === true;
      } catch (error) {
        // One table that cannot be read must not hide what the others are like.
        if (!isRefused(error)) throw error;
        unproven.push(`${history.current.relation} could not be read: ${reasonOf(error)}`);
        transient ||= isTransient(error);
      }
    }
    while (groups.current?.kind === kind) await groups.next();
  }
  while (groups.current !== undefined) {
    withoutSource += BigInt(groups.current.links);
    await groups.next();
  }
  return { unproven, isTransient: transient, eventsWithoutSource: withoutSource, kinds: tally.counts() };
}
