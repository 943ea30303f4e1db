import { Cursor } from "./cursor.ts";
import type { Chunks, Lane } from "./snapshot.ts";
import { identifier, inByteOrder } from "./sql-text.ts";

/** A row of an audited table: its key and the texts of the columns asked for. */
export interface SourceRow {
  /** Null where a key column is NULL, which no honest row's is. */
  readonly key: string | null;
  readonly texts: ReadonlyMap<string, string | null>;
}

/** A table, as far as its rows are read. */
export interface SourceTable {
  readonly schema: string;
  readonly name: string;
  readonly isPartitioned: boolean;
}

const sourceOf = ({ schema, name, isPartitioned }: SourceTable): string =>
  `${isPartitioned ? "" : "only "}${identifier(schema)}.${identifier(name)}`;

/**
 * The rows of a table as a text COPY, in whatever order they stand there: the key, then the columns. With `pages` only
 * those on the pages from the first number on, up to before the second (null for the end).
 */
export async function streamSource(
  lane: Lane,
  table: SourceTable,
  key: string,
  columns: readonly string[],
  pages?: readonly [from: number, to: number | null],
): Promise<Chunks> {
  const list = [key, ...columns.map((column) => `t.${identifier(column)}`)].join(", ");
  const [from, to] = pages ?? [0, null];
  const bounds = [
    ...(from === 0 ? [] : [`t.ctid >= '(${from},0)'::pg_catalog.tid`]),
    ...(to === null ? [] : [`t.ctid < '(${to},0)'::pg_catalog.tid`]),
  ];
  const where = bounds.length === 0 ? "" : ` where ${bounds.join(" and ")}`;
  return await lane.copy(`select ${list} from ${sourceOf(table)} as t${where}`, "text");
}

/** The rows of a table in the order of their keys, those without one first. `key` is the SQL expression of the key. */
export async function readSource(
  lane: Lane,
  table: SourceTable,
  key: string,
  columns: readonly string[],
): Promise<Cursor<SourceRow>> {
  const from = sourceOf(table);
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
