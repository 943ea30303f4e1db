import { canonicalJson } from "@scidex/audit-core";
import { type Closed, Cursor, type Form, type Lane, type Relation } from "@scidex/audit-reader";
import { readLeaves, readShape } from "../coverage/shape.ts";
import type { Named, ReadTable } from "./lookup.ts";

/** The relations that a statement on these tables may read. */
export async function closedOver(lane: Lane, ...tables: readonly Named[]): Promise<Closed> {
  const catalog = await lane.catalog();
  return { relations: new Set(tables.flatMap(({ oid }) => catalog.treeOf(oid))) };
}

/** A table as it is scanned. */
export async function relationOf(lane: Lane, { schema, name, isPartitioned }: ReadTable): Promise<Relation | null> {
  const shape = await readShape(lane, schema, name);
  if (shape === null) return null;
  return isPartitioned ? { ...shape, leaves: await readLeaves(lane, shape) } : shape;
}

/** Keys of rows, as events have them: as many as are named, and how many rows there are. */
export interface Rows {
  readonly keys: readonly string[];
  readonly count: number;
}

/** As many rows are named, of each thing that is checked. */
export const MAX_NAMED = 1_000;

/** Runs a statement that yields the key columns of rows. */
export async function readKeys(lane: Lane, form: Form): Promise<Rows> {
  const cursor = Cursor.text(await lane.read(form, "text"), (fields) => fields);
  const keys: string[] = [];
  let count = 0;
  for (let row = await cursor.next(); row !== undefined; row = await cursor.next())
    if (++count <= MAX_NAMED) keys.push(eventKey(row));
  return { keys, count };
}

/** As capture writes the key of an event. In a key that is not whole, `NULL` stands for what is missing. */
export function eventKey(fields: readonly (string | null)[]): string {
  const texts = fields.map((field) => field ?? "NULL");
  return texts.length === 1 ? (texts[0] ?? "") : canonicalJson(texts);
}
