import { triggersOf } from "../database/triggers-of.ts";
import type { AttachedTable, PartitionThatCame } from "./read-attached.ts";

/** Something that a table has become since it was configured. */
export interface Difference {
  /** In words. */
  readonly text: string;
  /** Whether the verifier reports it, once it is recorded, until the auditor has approved it. */
  readonly narrows: boolean;
  /** Whether rows may have to be recorded anew by the next publication. */
  readonly records?: boolean;
  /** Why `sync` cannot take it in; undefined where it can. */
  readonly blocked?: string;
}

export const widens = (text: string): Difference => ({ text, narrows: false });
const narrows = (text: string): Difference => ({ text, narrows: true });
const recorded = (text: string): Difference => ({ text, narrows: true, records: true });

/** What has changed, in the order in which one reads it: the table, its columns, its triggers. */
export function differencesOf(table: AttachedTable): Difference[] {
  const { live, relation, isReplaced } = table;
  if (live === null)
    return [narrows(isReplaced ? `${relation} was dropped and made again` : `${relation} was dropped`)];
  if (live.root !== null)
    return [narrows(`${relation} has become a partition of ${live.root}, which is audited in its place`)];
  const moved = live.relation === relation ? [] : [narrows(`${relation} is now called ${live.relation}`)];
  const restored = table.isRestored ? [widens("it was restored from a dump")] : [];
  return [
    ...restored,
    ...moved,
    ...columnDifferences(table, live),
    ...triggerDifferences(table, live),
    ...streamDifferences(table, live),
    ...partitionDifferences(live),
  ];
}

type Live = NonNullable<AttachedTable["live"]>;

function columnDifferences({ columns, excluded, numbers, keyColumns }: AttachedTable, live: Live): Difference[] {
  const byNumber = new Map(live.columns.map((column) => [column.number, column]));
  const known = columns.flatMap(({ name, type }): Difference[] => {
    const now = byNumber.get(numbers[name] ?? 0);
    if (now === undefined) return [recorded(`${name} was dropped`)];
    return [
      ...(now.name === name ? [] : [narrows(`${name} is now called ${now.name}`)]),
      ...(now.type === type ? [] : [recorded(`the type of ${now.name} is now ${now.type}, and was ${type}`)]),
    ];
  });
  const numbered = new Set([...columns.map(({ name }) => name), ...excluded].map((name) => numbers[name]));
  const joined = live.columns
    .filter(({ number }) => !numbered.has(number))
    .map(({ name }) => ({ ...widens(`${name} has joined`), records: true }));
  return [...known, ...keyDifferences(keyColumns, live, byNumber, numbers), ...joined];
}

function keyDifferences(
  keyColumns: readonly string[],
  live: Live,
  byNumber: ReadonlyMap<number, { readonly name: string }>,
  numbers: AttachedTable["numbers"],
): Difference[] {
  const was = keyColumns.join(", ");
  if (live.keyColumns === null)
    return [
      { ...narrows(`${was} is no key any more`), blocked: "it has no primary key: attach the table again with --key" },
    ];
  const isSame =
    live.keyColumns.length === keyColumns.length &&
    keyColumns.every((name, i) => byNumber.get(numbers[name] ?? 0)?.name === live.keyColumns?.[i]);
  return isSame ? [] : [recorded(`the key is now ${live.keyColumns.join(", ")}, and was ${was}`)];
}

function triggerDifferences(table: AttachedTable, { triggers }: Live): Difference[] {
  return triggersOf(table)
    .filter((name) => !triggers.includes(name))
    .map((name) => widens(`the trigger ${name} is missing or disabled`));
}

function streamDifferences({ mode }: AttachedTable, { isSent, partial }: Live): Difference[] {
  if (mode !== "stream") return [];
  return [
    ...(isSent ? [] : [widens("not all of it is sent to the capture process")]),
    ...partial.map((name) => widens(`${name} does not send what its rows were before a change`)),
  ];
}

function partitionDifferences({ came }: Live): Difference[] {
  return came.map((part): Difference => {
    const isNew = `the partition ${part.relation} is new`;
    const { unchained } = part;
    if (!isWithRows(part) || unchained === undefined) return widens(isNew);
    const rows = "rows" in unchained ? `${unchained.rows} rows` : "rows";
    return narrows(`${isNew}, and came with ${rows} that are chained as found`);
  });
}

/** Whether it had rows before, or may have had. */
export const isWithRows = ({ unchained }: PartitionThatCame): boolean =>
  unchained !== undefined && !("rows" in unchained && unchained.rows === 0);
