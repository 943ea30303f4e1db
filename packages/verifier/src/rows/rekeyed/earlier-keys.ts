import { type Reading, textsThrough } from "@scidex/audit-core";
import type { KindHistory } from "../../coverage/config.ts";
import type { KeyEpoch } from "../../coverage/key-epochs.ts";
import type { LiveColumns, RowTexts } from "../payload.ts";
import { keyOf } from "../source/read-source.ts";

/** How the key that a row had in an earlier epoch follows from the row as it is now. */
export interface KeyReading {
  readonly columns: readonly string[];
  /** Null where it had none, or where that cannot be told. */
  readonly keyOf: (row: RowTexts) => string | null;
}

/**
 * How rows were keyed in an epoch; null where that cannot be told any more: a column of that key is gone, or its text does not
 * follow from what it is now.
 */
export function earlierKey(
  { configs, current }: KindHistory,
  { config }: KeyEpoch,
  live: LiveColumns,
  secret: Uint8Array | null,
): KeyReading | null {
  const parts: { readonly column: string; readonly reading: Reading }[] = [];
  const later = configs.slice(configs.indexOf(config));
  for (const name of config.keyColumns) {
    const member = config.members[config.columns.indexOf(name)] ?? name;
    const column =
      current.columns[current.members.indexOf(member)] ?? (current.excluded.includes(name) ? name : undefined);
    const types = later.flatMap(({ members, columnTypes }) => columnTypes[members.indexOf(member)] ?? []);
    const reading = textsThrough(types);
    if (column === undefined || !live.has(column) || reading === null) return null;
    parts.push({ column, reading });
  }
  return {
    columns: parts.map(({ column }) => column),
    keyOf: (row) => {
      const texts = parts.map(({ column, reading }) => {
        const text = row.get(column) ?? null;
        const before = text === null ? null : reading(text);
        return before?.length === 1 ? (before[0] ?? null) : null;
      });
      return keyOf(texts, secret);
    },
  };
}
