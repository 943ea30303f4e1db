import type { Seq } from "@scidex/audit-core";
import type { KindHistory } from "../coverage/config.ts";
import { type Generation, isOutstanding, newestShapeChange } from "../coverage/generations.ts";
import type { OpenTable } from "../rows/check-table.ts";
import type { KindSum } from "./kernel.ts";
import { addSums, isSameSum, subtractSums, type VouchedChain } from "./vouch-links.ts";

/** No more links are stopped at: each stop takes as long as there are kinds. Tables beyond are compared in order. */
const MAX_CUTS = 100;

/**
 * The links at which sums are wanted: where the shape of a table has changed, and up to where a statement stands for what
 * was recorded anew since. It may be less than what is needed, and more: the sums are what they are.
 */
export function cutsOf(
  histories: Iterable<KindHistory>,
  statements: readonly Generation["statement"][],
): readonly Seq[] {
  const seqs = new Set<Seq>();
  for (const { kind, configs } of histories) {
    const changed = newestShapeChange({ configs })?.seq;
    if (changed != null) seqs.add(changed);
    const stated = statements.findLast((statement) => statement.kind === kind);
    if (stated !== undefined) seqs.add(stated.configuration.seq).add(stated.last.seq);
  }
  return [...seqs].toSorted((a, b) => (a < b ? -1 : 1)).slice(0, MAX_CUTS);
}

/** Whether what events say that was there before is added up under this name: no kind has a NUL (kernel/kinds.ts). */
export const isFound = (kind: string): boolean => kind.endsWith("\0");

/** What the rows of a table must add up to, all of whose older rows were recorded anew. */
export interface RecordedSum {
  readonly sum: KindSum;
  /** How many rows were recorded anew; none of them was compared. Null where a statement stands for them already. */
  readonly unstated: number | null;
}

/**
 * Adds up the newest events of a table whose rows were recorded anew, all that had an event when its shape changed. Let
 * there be, as sets of keys with hashes,
 *
 *     old    its events up to that change      before  what events of the role `record` say that was there before
 *     young  its events since                  after   the payload hashes of these events
 *
 * If `before` is `old`, every old event is followed by one that found what it had left behind, and, since no event is there
 * twice, by no other. Then the rows must be `after` and `young`. All events of the role `record` must lie between the
 * change and the end of the statement that stands for them. In this way a table is added up like one that was never recorded
 * anew, without being put in order.
 *
 * Sums of all the hashes at once would not do: an event that found what the other one of its key recorded, and recorded
 * what that one found, would leave the same.
 *
 * @param given whether the publisher asks, who is to state what has no statement yet; and how the rows were read
 * @returns null where anything is otherwise
 */
export function recordedSum(
  history: KindHistory,
  { sums, cuts }: VouchedChain,
  generations: readonly Generation[],
  { toBeStated, table }: { readonly toBeStated: boolean; readonly table: OpenTable | undefined },
): RecordedSum | null {
  const { kind } = history;
  const isUnstated = toBeStated && isOutstanding(history, generations);
  const statement = isUnstated ? undefined : generations.at(-1)?.statement;
  const changed = isUnstated ? newestShapeChange(history)?.seq : statement?.configuration.seq;
  if (changed == null || (isUnstated && !isIncomparable(changed, table))) return null;
  const all = new Map(sums.map((sum) => [sum.kind, sum]));
  const atChange = cuts.get(changed);
  const atEnd = statement === undefined ? all : cuts.get(statement.last.seq);
  const [record, found] = [`${kind}:record`, `${kind}:record\0`];
  const [events, after, before, old] = [all.get(kind), all.get(record), all.get(found), atChange?.get(kind)];
  if (atChange?.has(record) !== false || events === undefined || old === undefined) return null;
  if (after === undefined || before === undefined || after.count !== before.count) return null;
  if (after.count !== atEnd?.get(record)?.count || !isSameSum(before, old)) return null;
  const sum = addSums(subtractSums(events, old), { ...after, kind });
  return { sum, unstated: isUnstated ? Number(after.count) : null };
}

/** Whether no event of before the change can be compared with a row of now, as the comparison in order would find. */
const isIncomparable = (changed: Seq, table: OpenTable | undefined): boolean =>
  table?.readings.length === 1 && table.ways.every(({ seq, excuse }) => (seq ?? 0n) >= changed || excuse !== null);
