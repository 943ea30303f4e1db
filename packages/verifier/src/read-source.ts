import { Cursor } from "./cursor.ts";
import type { Lane } from "./snapshot.ts";
import { identifier, inByteOrder } from "./sql-text.ts";

/** A row of an audited table: its key and the texts of the columns asked for. */
export interface SourceRow {
  /** Null where a key column is NULL, which no honest row's is. */
  readonly key: string | null;
  readonly texts: ReadonlyMap<string, string | null>;
}

/** The rows of a table in the order of their keys, those without one first. `key` is the SQL expression of the key. */
export async function readSource(
  lane: Lane,
  table: { readonly schema: string; readonly name: string; readonly isPartitioned: boolean },
  key: string,
  columns: readonly string[],
): Promise<Cursor<SourceRow>> {
  const from = `${table.isPartitioned ? "" : "only "}${identifier(table.schema)}.${identifier(table.name)}`;
  const order = inByteOrder(key, lane.encoding);
  // The same expression in both places is computed once.
  const list = [lane.encoding === "UTF8" ? order : key, ...columns.map((column) => `t.${identifier(column)}`)].join(
    ", ",
  );
  const query = `select ${list} from ${from} as t order by ${order} nulls first`;
  return Cursor.text(await lane.copy(query, "text"), (fields) => ({
    key: fields[0] ?? null,
    texts: new Map(columns.map((column, i) => [column, fields[i + 1] ?? null])),
  }));
}
