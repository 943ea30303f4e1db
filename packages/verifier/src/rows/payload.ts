import { sha256 } from "@scidex/audit-core";
import type { Config, KindHistory } from "../coverage/config.ts";

/** A row's texts by column name, null for NULL. */
export type RowTexts = ReadonlyMap<string, string | null>;

/**
 * Hash of a row's payload: canonical JSON of the texts of the columns that are not NULL, in the order given (that of
 * RFC 8785).
 */
export function rowPayloadHash({ columns, from }: Reading, row: RowTexts): Uint8Array {
  let text = "{";
  for (const column of columns) {
    const source = from(column);
    const value = source === null ? null : row.get(source);
    if (value == null) continue;
    text += `${text.length > 1 ? "," : ""}${JSON.stringify(column)}:${JSON.stringify(value)}`;
  }
  return sha256(`${text}}`);
}

/** One way of making a row's payload from the table as it is now. */
export interface Reading {
  /** The payload's members, in their order. */
  readonly columns: readonly string[];
  /** From a member to the column that has its value now; null where there is none. */
  readonly from: (column: string) => string | null;
}

/** What the payload of a row consists of in this reading: two that say the same give the same hash for each row. */
export const describeReading = ({ columns, from }: Reading): string =>
  JSON.stringify(columns.map((column) => [column, from(column)]).filter(([, source]) => source !== null));

/** How a row that was captured under one configuration can be recomputed from the table as it is now. */
export interface Recomputation {
  /** Seq of the configuration. */
  readonly seq: bigint | null;
  readonly config: Config;
  /** Which of the table's readings: several where capture may not have known of a change yet. */
  readonly readings: readonly number[];
  /** Why a row that fits none of the readings may be an honest one: the schema changes since. */
  readonly excuse: string | null;
}

/** How rows of each configuration can be recomputed. */
export interface Recomputations {
  /** One for each configuration. */
  readonly ways: readonly Recomputation[];
  /** All readings that occur, each once: a row's hashes come in this order. */
  readonly readings: readonly Reading[];
}

/** The columns that a table has now, with descriptions of their types as the configuration writes them. */
export type LiveColumns = ReadonlyMap<string, string>;

/**
 * Works out, for each configuration of a kind, how rows captured under it can be recomputed from the columns that the
 * table has now. A column that was renamed is read under its new name, also where the rename came after the row.
 * Between a change and its recording, capture read the column as NULL. What was dropped or has another type now cannot
 * be recomputed, and what was excluded later may have changed since.
 */
export function recomputations(history: KindHistory, live: LiveColumns): Recomputations {
  const readings = new Map<string, { readonly reading: Reading; readonly number: number }>();
  const numberOf = (reading: Reading): number => {
    const text = describeReading(reading);
    const known = readings.get(text) ?? { reading, number: readings.size };
    readings.set(text, known);
    return known.number;
  };
  const ways = history.configs.map((config, i) => {
    const later = history.configs.slice(i + 1);
    const places = new Map(config.columns.map((column) => [column, follow(column, later)]));
    const place = (column: string): string | null => {
      const name = places.get(column)?.name ?? null;
      return name !== null && live.has(name) ? name : null;
    };
    const { columns } = config;
    const numbers = [numberOf({ columns, from: place })];
    if (columns.some((column) => place(column) !== column))
      numbers.push(numberOf({ columns, from: (column) => (place(column) === column ? column : null) }));
    const changes = config.columns.flatMap((column, n) => {
      const name = place(column);
      if (name === null) return [`${column} was dropped`];
      if (places.get(column)?.isExcluded === true) return [`${column} was excluded`];
      if (name !== column) return [`${column} was renamed to ${name}`];
      const [type, typeNow] = [config.columnTypes[n], live.get(name)];
      return type === undefined || type === typeNow
        ? []
        : [`the type of ${column} changed from ${type} to ${typeNow ?? "none"}`];
    });
    return { seq: config.seq, config, readings: numbers, excuse: changes.length === 0 ? null : changes.join(", ") };
  });
  return { ways, readings: [...readings.values()].map(({ reading }) => reading) };
}

/** Where a column's values are now, by what later configurations say; null for one that they do not know any more. */
function follow(column: string, later: readonly Config[]): { name: string | null; isExcluded: boolean } {
  let name = column;
  let isExcluded = false;
  for (const config of later) {
    name = config.renamed.get(name) ?? name;
    if (config.excluded.includes(name)) isExcluded = true;
    // Dropped when this was recorded: a column that has the name now is another one.
    else if (!config.columns.includes(name)) return { name: null, isExcluded };
  }
  return { name, isExcluded };
}

/** The live columns whose texts these readings need. */
export function neededColumns(readings: readonly Reading[]): string[] {
  const names = readings.flatMap(({ columns, from }) => columns.map(from));
  return [...new Set(names.filter((name) => name !== null))];
}
