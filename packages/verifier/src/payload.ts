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
  readonly config: Config;
  /** From a covered column to where its value is now; several where capture may not have known of a change yet. */
  readonly readings: readonly ((column: string) => string | null)[];
  /** Why a row that fits none of the readings may be an honest one: the recorded schema changes since. */
  readonly excuse: string | null;
}

/**
 * Works out, for each configuration of a kind, how rows captured under it can be recomputed from the columns that the
 * table has now. A column that was renamed is read under its new name, also where the rename came after the row; in the
 * time between a change and its recording, capture read the column as NULL. What was dropped or has another type now
 * cannot be recomputed.
 */
export function recomputations(history: KindHistory, liveColumns: ReadonlySet<string>): Recomputation[] {
  return history.configs.map((config, i) => {
    const later = history.configs.slice(i + 1);
    const now = (column: string): string | null => {
      let name = column;
      for (const change of later) name = change.renamed[name] ?? name;
      return liveColumns.has(name) ? name : null;
    };
    const asRecorded = (column: string) => now(column);
    const touched = config.columns.filter((column) => now(column) !== column);
    const readings = [asRecorded];
    if (touched.length > 0) readings.push((column) => (now(column) === column ? column : null));
    const current = history.current;
    const changes: string[] = [];
    for (const [n, column] of config.columns.entries()) {
      const name = now(column);
      const type = config.columnTypes[n];
      if (name === null) changes.push(`${column} was dropped`);
      else if (name !== column) changes.push(`${column} was renamed to ${name}`);
      const at = name === null ? -1 : current.columns.indexOf(name);
      const typeNow = at === -1 ? undefined : current.columnTypes[at];
      if (type !== undefined && typeNow !== undefined && type !== typeNow)
        changes.push(`the type of ${column} changed from ${type} to ${typeNow}`);
    }
    return { config, readings, excuse: changes.length === 0 ? null : changes.join(", ") };
  });
}

/** The configuration in force for a link: the newest one whose own link stands before it. */
export function inForce(list: readonly Recomputation[], seq: bigint): Recomputation | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = list[middle]?.config.seq ?? 0n;
    if (at < seq) low = middle + 1;
    else high = middle;
  }
  // A row that was there before its table was attached is chained after the attachment; nothing stands before it.
  return list[low - 1] ?? list[0];
}
