import { sha256 } from "@scidex/audit-core";
import type { Config, KindHistory } from "./config.ts";

/** A row's texts by column name, null for NULL. */
export type RowTexts = ReadonlyMap<string, string | null>;

/**
 * Hash of a row's payload: canonical JSON of the texts of the columns that are not NULL, in the order given (that of
 * RFC 8785). `from` names the column that holds a member's value now, null where it is gone.
 */
export function rowPayloadHash(
  columns: readonly string[],
  row: RowTexts,
  from: (column: string) => string | null,
): Uint8Array {
  let text = "{";
  for (const column of columns) {
    const source = from(column);
    const value = source === null ? null : row.get(source);
    if (value == null) continue;
    text += `${text.length > 1 ? "," : ""}${JSON.stringify(column)}:${JSON.stringify(value)}`;
  }
  return sha256(`${text}}`);
}

/** The ways in which a row that was captured under one configuration can be recomputed from the table as it is now. */
export interface Recomputation {
  /** Seq of the configuration. */
  readonly seq: bigint | null;
  readonly config: Config;
  /** From a covered column to where its value is now; several where capture may not have known of a change yet. */
  readonly readings: readonly ((column: string) => string | null)[];
  /** Why a row that fits none of the readings may be an honest one: the schema changes since. */
  readonly excuse: string | null;
}

/** The columns that a table has now, with descriptions of their types as the configuration writes them. */
export type LiveColumns = ReadonlyMap<string, string>;

/**
 * Works out, for each configuration of a kind, how rows captured under it can be recomputed from the columns that the
 * table has now. A column that was renamed is read under its new name, also where the rename came after the row; in the
 * time between a change and its recording, capture read the column as NULL. What was dropped or has another type now
 * cannot be recomputed, and what was excluded later may have changed since.
 */
export function recomputations(history: KindHistory, live: LiveColumns): Recomputation[] {
  return history.configs.map((config, i) => {
    const later = history.configs.slice(i + 1);
    const places = new Map(config.columns.map((column) => [column, follow(column, later)]));
    const place = (column: string): string | null => {
      const name = places.get(column)?.name ?? null;
      return name !== null && live.has(name) ? name : null;
    };
    const readings = [place];
    if (config.columns.some((column) => place(column) !== column))
      readings.push((column) => (place(column) === column ? column : null));
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
    return { seq: config.seq, config, readings, excuse: changes.length === 0 ? null : changes.join(", ") };
  });
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

/** The live columns whose texts are needed to recompute rows of any time. */
export function neededColumns(ways: readonly Recomputation[]): string[] {
  const names = new Set<string>();
  for (const { config, readings } of ways) {
    for (const column of config.columns) {
      for (const reading of readings) {
        const name = reading(column);
        if (name !== null) names.add(name);
      }
    }
  }
  return [...names];
}
